//! Short names from stable ids: the same ids always give the same text, in every process and version.

/// Lower-case base 32 without look-alikes of digits, so that the text may be part of a Kubernetes name.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The 128-bit FNV-1a hash of the parts, `length` characters of five bits each (at most 25).
///
/// Not a defence against people who choose ids: uids come from the API server.
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a str>, length: usize) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = OFFSET;
    for part in parts {
        // A byte that no UTF-8 text contains ends each part, so that ["ab"] and ["a", "b"] differ.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u128::from(byte)).wrapping_mul(PRIME);
        }
    }
    let letter = |index: usize| {
        let bits = (hash >> (5 * index)) & 31;
        char::from(ALPHABET[usize::try_from(bits).unwrap_or(0)])
    };
    (0..length.min(25)).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[test]
    fn is_stable_and_depends_on_every_part() {
        assert_eq!(digest(["a", "b"], 10), digest(["a", "b"], 10));
        let all = [digest(["a", "b"], 10), digest(["ab"], 10), digest(["a", "c"], 10), digest(["b", "a"], 10), digest([], 10)];
        for (index, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 10);
            assert!(all.iter().skip(index + 1).all(|other| other != one), "{all:?}");
        }
    }

    /// A change would let a new version forget what an old one has launched.
    #[test]
    fn never_changes() {
        assert_eq!(digest([""], 25), "g24tehboljerxxsr2i5rwfdfs");
    }
}
