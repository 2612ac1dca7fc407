//! The people and things the API knows: made up, the same on every start.
//!
//! Telephone numbers are of the range Ofcom keeps for drama, names and addresses belong to nobody.

use serde::Serialize;

/// How many customers there are; their ids count from [`FIRST_CUSTOMER`].
pub(crate) const CUSTOMERS: u32 = 64;
/// The first customer's id.
pub(crate) const FIRST_CUSTOMER: u32 = 1001;

const FIRST_NAMES: [&str; 8] = ["Ada", "Bruno", "Chiara", "Dmitri", "Efua", "Farid", "Greta", "Hana"];
const LAST_NAMES: [&str; 8] =
    ["Okafor", "Lindqvist", "Marino", "Petrov", "Mensah", "Rahimi", "Vogel", "Sato"];
const STREETS: [&str; 4] = ["Harbour Row", "Mill Lane", "Station Road", "Orchard Close"];

/// Someone with a telephone.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Customer {
    /// The customer's number with us.
    pub(crate) id: u32,
    /// The telephone number.
    pub(crate) number: String,
    /// First and last name.
    pub(crate) name: String,
    /// Where letters go electronically.
    pub(crate) email: String,
    /// Where letters go.
    pub(crate) address: String,
    /// The plan's id.
    pub(crate) plan: &'static str,
    /// Pence left of prepaid credit.
    pub(crate) balance_pence: i64,
    /// Set by the customer to sign in with. Never to leave the house.
    pub(crate) pin: String,
    /// The SIM card's subscriber identity.
    pub(crate) imsi: String,
}

/// A tariff.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Plan {
    /// Its id.
    pub(crate) id: &'static str,
    /// What it is sold as.
    pub(crate) name: &'static str,
    /// Pence a month.
    pub(crate) price_pence: u32,
    /// Gigabytes a month.
    pub(crate) data_gigabytes: u32,
}

/// Every plan.
pub(crate) const PLANS: [Plan; 3] = [
    Plan { id: "hover", name: "Hover", price_pence: 800, data_gigabytes: 5 },
    Plan { id: "glide", name: "Glide", price_pence: 1500, data_gigabytes: 30 },
    Plan { id: "soar", name: "Soar", price_pence: 2400, data_gigabytes: 200 },
];

/// A SIM card.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sim {
    /// The card's number.
    pub(crate) iccid: String,
    /// Whose it is.
    pub(crate) customer_id: u32,
    /// Whether the network lets it in.
    pub(crate) active: bool,
}

/// A month's bill.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invoice {
    /// Its number.
    pub(crate) id: String,
    /// The month, e.g. `2026-09`.
    pub(crate) month: String,
    /// Pence.
    pub(crate) total_pence: u32,
}

/// All there is.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// The customers, by ascending id.
    pub(crate) customers: Vec<Customer>,
    /// Their SIM cards, two each: one in use, one spare.
    pub(crate) sims: Vec<Sim>,
}

impl World {
    /// The same world every time.
    pub(crate) fn new() -> Self {
        let customers: Vec<Customer> = (0..CUSTOMERS).map(customer).collect();
        let sims = customers.iter().flat_map(|customer| sims(customer.id)).collect();
        Self { customers, sims }
    }

    /// A customer by id.
    pub(crate) fn customer(&self, id: u32) -> Option<&Customer> {
        self.customers.iter().find(|customer| customer.id == id)
    }

    /// A customer by id, to change.
    pub(crate) fn customer_mut(&mut self, id: u32) -> Option<&mut Customer> {
        self.customers.iter_mut().find(|customer| customer.id == id)
    }
}

/// The customer with that place in the list.
pub(crate) fn customer(place: u32) -> Customer {
    let pick =
        |from: &[&'static str], at: u32| from.get(at as usize % from.len()).copied().unwrap_or_default();
    let id = FIRST_CUSTOMER + place;
    let (first, last) = (pick(&FIRST_NAMES, place), pick(&LAST_NAMES, place + place / 8));
    Customer {
        id,
        number: format!("07700900{:03}", place * 7 % 1000),
        name: format!("{first} {last}"),
        email: format!("{}.{}@mail.example", first.to_lowercase(), last.to_lowercase()),
        address: format!("{} {}, Kestrel Bay", place * 3 + 1, pick(&STREETS, place / 3)),
        plan: PLANS.get(place as usize % PLANS.len()).map_or("hover", |plan| plan.id),
        balance_pence: i64::from(place * 137 % 2500),
        pin: format!("{:04}", (place * 2_377 + 4_242) % 10_000),
        imsi: format!("23415{:010}", u64::from(id) * 7_919),
    }
}

/// A customer's SIM cards.
fn sims(customer_id: u32) -> [Sim; 2] {
    [(0, true), (1, false)].map(|(spare, active)| Sim {
        iccid: iccid(customer_id, spare),
        customer_id,
        active,
    })
}

/// The number of a customer's card: 0 is the one in use, 1 the spare.
pub(crate) fn iccid(customer_id: u32, spare: u32) -> String {
    format!("894411000000{:06}{spare}", customer_id * 3)
}

/// The bills of the last three months.
pub(crate) fn invoices(customer: &Customer) -> Vec<Invoice> {
    let price = PLANS.iter().find(|plan| plan.id == customer.plan).map_or(0, |plan| plan.price_pence);
    let month = |month: u32| Invoice {
        id: format!("KM-{}-{month:02}", customer.id),
        month: format!("2026-{month:02}"),
        total_pence: price + customer.id * month % 300,
    };
    [8, 9, 10].map(month).to_vec()
}
