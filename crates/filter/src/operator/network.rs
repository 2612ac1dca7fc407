//! Addresses and networks: `@ipMatch`.
//!
//! A network with a prefix longer than the address, or with bits behind the prefix, is taken as ModSecurity takes it:
//! the one holds nothing, the other holds its whole network.

use std::net::IpAddr;

/// A list of networks.
#[derive(Clone, Debug)]
pub(super) struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug)]
struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Networks {
    /// Reads a list separated by commas.
    pub(super) fn of_argument(argument: &[u8]) -> Result<Self, String> {
        Self::of_entries(argument.split(|byte| *byte == b','))
    }

    /// Reads a file with one network or list a line, without empty lines and comments.
    pub(super) fn of_file(content: &[u8]) -> Result<Self, String> {
        let lines = content.split(|byte| *byte == b'\n');
        let texts = lines.map(|line| line.split(|byte| *byte == b'#').next().unwrap_or_default());
        Self::of_entries(texts.flat_map(|line| line.split(|byte| *byte == b',')))
    }

    fn of_entries<'a>(entries: impl Iterator<Item = &'a [u8]>) -> Result<Self, String> {
        let entries = entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty());
        entries.map(Network::parse).collect::<Result<_, _>>().map(Self)
    }

    /// Whether `value` is an address of one of them.
    pub(super) fn contain(&self, value: &[u8]) -> bool {
        let address = std::str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
        address.is_some_and(|address: IpAddr| self.0.iter().any(|network| network.contains(address)))
    }
}

impl Network {
    fn parse(entry: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(entry);
        let wrong = || format!("`{text}` is no address and no network");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (&*text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(widest), |prefix| prefix.trim().parse().map_err(|_| wrong()))?;
        Ok(Self { address, prefix })
    }

    fn contains(self, other: IpAddr) -> bool {
        match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) if self.prefix <= 32 => {
                let differ = u32::from(own) ^ u32::from(other);
                differ.checked_shr(32 - u32::from(self.prefix)).unwrap_or_default() == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) if self.prefix <= 128 => {
                let differ = u128::from(own) ^ u128::from(other);
                differ.checked_shr(128 - u32::from(self.prefix)).unwrap_or_default() == 0
            }
            _ => false,
        }
    }
}
