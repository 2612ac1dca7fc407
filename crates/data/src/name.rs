//! What a field's name says of its value.
//!
//! A name is read as its words (`cardNumber`, `card_number`, `card-number` are two). What counts is the last one, or the
//! one before a last one that adds nothing: `emailAddress` is an e-mail address, `emailVerified` is not.

use portcullis_model::data_class::DataClass;

/// The longest name that is read, in bytes.
const LONGEST_NAME: usize = 64;

/// What a name says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The class its values should be of.
    pub(crate) class: Option<DataClass>,
    /// Whether its values name or count something, so that digits alone mean nothing.
    pub(crate) is_reference: bool,
    /// Whether its values are chosen by people, so that any text may be one.
    pub(crate) is_password: bool,
}

/// Words that add nothing behind another.
const EMPTY: &[&str] = &[
    "address", "addr", "number", "num", "no", "nr", "value", "text", "string", "raw", "plain", "primary",
    "home", "work", "private", "business", "hash", "1", "2",
];

/// Words of values that name, count or time something, in order.
#[rustfmt::skip]
const REFERENCES: &[&str] = &[
    "amount", "article", "at", "barcode", "batch", "booking", "build", "bytes", "case", "checksum", "code",
    "confirmation", "count", "created", "cursor", "customer", "date", "device", "digest", "ean", "epoch",
    "etag", "gtin", "guid", "hash", "iccid", "id", "ids", "imei", "imsi", "invoice", "isbn", "key", "lat",
    "latitude", "length", "lng", "lon", "longitude", "micros", "millis", "model", "nanos", "nonce", "offset",
    "order", "parcel", "part", "price", "product", "receipt", "ref", "reference", "revision", "seq", "sequence",
    "serial", "shipment", "size", "sku", "span", "ticket", "time", "timestamp", "total", "trace", "tracking",
    "transaction", "ts", "uid", "upc", "updated", "uuid", "version", "vin", "voucher",
];

/// Words before `token` that make it one that opens nothing.
const HARMLESS_TOKENS: &[&str] =
    &["page", "next", "prev", "previous", "continuation", "sync", "cursor", "max", "min"];

impl Hint {
    /// Reads a name.
    pub fn of(name: &str) -> Self {
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Self::default();
        }
        let mut folded = [0; LONGEST_NAME * 2];
        let words = fold(name, &mut folded);
        let mut back = words.rsplit(|byte| *byte == b' ').filter(|word| !word.is_empty());
        let last = back.next().unwrap_or_default();
        let before = back.next().unwrap_or_default();
        let adds_nothing = EMPTY.iter().any(|known| known.as_bytes() == last);
        let class = match class_of(before, last) {
            None if adds_nothing => class_of(back.next().unwrap_or_default(), before),
            found => found,
        };
        let is_reference = class.is_none() && (refers(last) || (adds_nothing && refers(before)));
        let is_password = [last, before].iter().any(|word| is_password(word));
        Self { class, is_reference, is_password }
    }
}

fn refers(word: &[u8]) -> bool {
    REFERENCES.binary_search_by(|known| known.as_bytes().cmp(word)).is_ok()
}

fn is_password(word: &[u8]) -> bool {
    matches!(word, b"password" | b"passwd" | b"passphrase" | b"pwd" | b"passwort")
}

/// The class that a word names, given the word before it.
fn class_of(before: &[u8], word: &[u8]) -> Option<DataClass> {
    // `emails` are several of `email`.
    let word = word.strip_suffix(b"s").filter(|word| word.len() > 2).unwrap_or(word);
    match (before, word) {
        (_, b"email" | b"mail" | b"emailaddres") => Some(DataClass::Email),
        (
            _,
            b"phone" | b"mobile" | b"cellphone" | b"telephone" | b"tel" | b"fax" | b"msisdn" | b"telefon"
            | b"phonenumber",
        ) => Some(DataClass::Phone),
        (b"credit" | b"debit" | b"payment", b"card")
        | (_, b"creditcard" | b"cardnumber" | b"pan" | b"ccnumber")
        | (b"card" | b"cc", b"number" | b"num" | b"no" | b"nr") => Some(DataClass::PaymentCard),
        (_, b"iban") => Some(DataClass::Iban),
        (_, b"ssn") | (b"social", b"security") | (b"security", b"number") => Some(DataClass::UsSsn),
        (before, b"token") if HARMLESS_TOKENS.iter().any(|known| known.as_bytes() == before) => None,
        (b"api" | b"access" | b"private" | b"secret" | b"signing" | b"encryption", b"key") => {
            Some(DataClass::Secret)
        }
        (
            _,
            b"token" | b"secret" | b"credential" | b"apikey" | b"jwt" | b"bearer" | b"accesstoken" | b"totp",
        ) => Some(DataClass::Secret),
        (_, word) if is_password(word) => Some(DataClass::Secret),
        _ => None,
    }
}

/// The name's words in lower case with spaces between them: `cardNumber`, `card_number` and `CARD-NUMBER` are alike.
fn fold<'a>(name: &str, out: &'a mut [u8; LONGEST_NAME * 2]) -> &'a [u8] {
    let mut length = 0;
    let mut before = b' ';
    for byte in name.bytes() {
        let is_hump = byte.is_ascii_uppercase() && (before.is_ascii_lowercase() || before.is_ascii_digit());
        if is_hump && let Some(place) = out.get_mut(length) {
            *place = b' ';
            length += 1;
        }
        if let Some(place) = out.get_mut(length) {
            *place =
                if byte.is_ascii_alphanumeric() || byte >= 0x80 { byte.to_ascii_lowercase() } else { b' ' };
            length += 1;
        }
        before = byte;
    }
    out.get(..length).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_in_order_to_be_searched() {
        assert!(REFERENCES.is_sorted());
        assert!(REFERENCES.iter().all(|word| refers(word.as_bytes())));
    }
}
