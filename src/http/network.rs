//! IP networks in the configuration: `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`. Resolves no names.

use std::net::IpAddr;

use serde::Deserialize;

/// An address, or all addresses with the same prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: u128,
    bits: u32,
}

impl Network {
    /// Whether an address belongs to this network.
    pub fn contains(&self, address: IpAddr) -> bool {
        prefix(number(address), self.bits) == self.address
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address and no network such as 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((&*text, None), |(a, b)| (a, Some(b)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(all), |bits| bits.trim().parse().map_err(|_| wrong()))?;
        if bits > all {
            return Err(wrong());
        }
        let bits = bits + (128 - all);
        Ok(Self { address: prefix(number(address), bits), bits })
    }
}

/// An address as a number, with IPv4 mapped into IPv6.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn prefix(number: u128, bits: u32) -> u128 {
    number & u128::MAX.checked_shl(128 - bits).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Result<Network, String> {
        Network::try_from(text.to_owned())
    }

    #[test]
    fn addresses_and_networks_are_read_and_anything_else_is_refused() {
        for (text, inside, outside) in [
            ("10.1.2.3", "10.1.2.3", "10.1.2.4"),
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.1.2.3/8", "::ffff:10.9.9.9", "::10.9.9.9"),
            ("0.0.0.0/0", "1.2.3.4", "::1"),
            ("::1", "::1", "::2"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::1"),
            ("::/0", "2001:db8::1", "fe80::1"),
        ] {
            let network = network(text).expect(text);
            assert!(network.contains(inside.parse().expect(inside)), "{text} {inside}");
            let outside = outside.parse().expect(outside);
            assert!(text == "::/0" || !network.contains(outside), "{text} {outside}");
        }
        for wrong in
            ["", "x", "10.0.0.0/33", "10.0.0.0/x", "::/129", "10.0.0/8", "desk.example.com"]
        {
            assert!(network(wrong).is_err_and(|why| why.contains("10.0.0.0/8")), "{wrong}");
        }
    }
}
