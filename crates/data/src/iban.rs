//! International bank account numbers: the length of each country, and the check modulo 97 (ISO 13616).

/// Countries and the lengths of their numbers, from the registry of IBANs.
const LENGTHS: &str = "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24\
                       FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32\
                       LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24\
                       RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";

/// Whether an IBAN begins a text, and where it ends then. Groups may be separated by one space each.
pub(crate) fn at_start(text: &[u8]) -> Option<usize> {
    // Most words are told apart here, before any country is looked up.
    let [_, b'A'..=b'Z', third, ..] = text else { return None };
    if !matches!(third, b'0'..=b'9' | b' ') {
        return None;
    }
    let wanted = length_of(text.get(..2)?)?;
    let mut left = wanted;
    let mut rest = 0_u32;
    let mut end = 0;
    // The country and check digits count last; they come first.
    for (place, byte) in text.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {}
            b'A'..=b'Z' if !(2..4).contains(&place) => {}
            b' ' if place > 0 && left < wanted && text.get(place.wrapping_sub(1)) != Some(&b' ') => continue,
            _ => break,
        }
        left -= 1;
        end = place + 1;
        if left == 0 {
            break;
        }
    }
    let ends = text.get(end).is_none_or(|next| !next.is_ascii_alphanumeric());
    if left > 0 || !ends {
        return None;
    }
    let number = text.get(..end)?;
    for byte in number.get(4..)?.iter().chain(number.get(..4)?) {
        rest = match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            b'A'..=b'Z' => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
            _ => rest,
        };
    }
    (rest == 1).then_some(end)
}

fn length_of(country: &[u8]) -> Option<usize> {
    let known = LENGTHS.as_bytes().chunks_exact(4).find(|known| known.starts_with(country))?;
    let digit = |at: usize| known.get(at).map(|digit| usize::from(digit - b'0'));
    Some(digit(2)? * 10 + digit(3)?)
}
