//! Which subnet of a zone an instance goes to: the one with most addresses left.

use crate::api::ec2_node_class::Subnet;
use std::collections::BTreeMap;
use windlass_ec2::SubnetRecord;

/// Addresses left by subnet: as EC2 said, less what was launched since.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    free: BTreeMap<String, i64>,
}

impl Addresses {
    /// What EC2 says now.
    pub(super) fn learn(&mut self, records: &[SubnetRecord]) {
        self.free.extend(records.iter().map(|record| (record.id.clone(), i64::from(record.free_addresses))));
    }

    /// Those of the subnets of which nothing is known.
    pub(super) fn unknown(&self, subnets: &[Subnet]) -> Vec<String> {
        subnets.iter().filter(|subnet| !self.free.contains_key(&subnet.id)).map(|subnet| subnet.id.clone()).collect()
    }

    /// The subnet of each zone with most addresses left; among equals the first by id.
    pub(super) fn best<'a>(&self, subnets: &'a [Subnet]) -> BTreeMap<&'a str, &'a str> {
        let mut best: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
        let mut sorted: Vec<&Subnet> = subnets.iter().collect();
        sorted.sort_by(|a, b| a.id.cmp(&b.id));
        for subnet in sorted {
            let free = self.free.get(&subnet.id).copied().unwrap_or(0);
            let found = best.entry(&subnet.zone).or_insert((free, &subnet.id));
            if found.0 < free {
                *found = (free, &subnet.id);
            }
        }
        best.into_iter().map(|(zone, (_, id))| (zone, id)).collect()
    }

    /// An instance went there that takes up to so many addresses.
    pub(super) fn take(&mut self, subnet: &str, addresses: i64) {
        if let Some(free) = self.free.get_mut(subnet) {
            *free = (*free - addresses).max(0);
        }
    }

    /// EC2 found none left.
    pub(super) fn exhausted(&mut self, subnet: &str) {
        self.free.insert(subnet.to_owned(), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Addresses;
    use crate::api::ec2_node_class::Subnet;
    use windlass_ec2::SubnetRecord;

    fn subnet(id: &str, zone: &str) -> Subnet {
        Subnet { id: id.into(), zone: zone.into(), zone_id: None }
    }

    fn record(id: &str, free_addresses: u32) -> SubnetRecord {
        SubnetRecord { id: id.into(), zone: String::new(), zone_id: None, free_addresses }
    }

    #[test]
    fn the_emptiest_subnet_of_each_zone_is_used_until_another_is_emptier() {
        let subnets = [subnet("s-3", "a"), subnet("s-1", "a"), subnet("s-2", "b")];
        let mut addresses = Addresses::default();
        assert_eq!(addresses.unknown(&subnets).len(), 3);
        addresses.learn(&[record("s-1", 100), record("s-2", 0), record("s-3", 100)]);
        assert!(addresses.unknown(&subnets).is_empty());
        assert_eq!(addresses.best(&subnets)["a"], "s-1", "the first by id among equals");
        assert_eq!(addresses.best(&subnets)["b"], "s-2", "a zone without any is for EC2 to refuse");
        addresses.take("s-1", 30);
        assert_eq!(addresses.best(&subnets)["a"], "s-3");
        addresses.exhausted("s-3");
        assert_eq!(addresses.best(&subnets)["a"], "s-1");
        addresses.learn(&[record("s-3", 200)]);
        assert_eq!(addresses.best(&subnets)["a"], "s-3");
    }
}
