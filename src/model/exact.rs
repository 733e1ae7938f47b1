//! How values that JSON would bend are written where people read: every bit of them comes back.
//!
//! Machines' formats (postcard in the journal) are left as they are.

/// Floating point numbers: as text in JSON, which has no infinity and whose readers round.
pub(super) mod float {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    pub(in crate::model) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(value) } else { value.serialize(serializer) }
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        if !deserializer.is_human_readable() {
            return f64::deserialize(deserializer);
        }
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no number")))
    }
}

/// The same where there may be none.
pub(super) mod maybe_float {
    use std::borrow::Cow;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(in crate::model) fn serialize<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) if serializer.is_human_readable() => serializer.collect_str(value),
            value => value.serialize(serializer),
        }
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
        if !deserializer.is_human_readable() {
            return Option::deserialize(deserializer);
        }
        let text = Option::<Cow<str>>::deserialize(deserializer)?;
        let number =
            |text: Cow<str>| text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no number")));
        text.map(number).transpose()
    }
}

/// Bytes: as text where they are UTF-8, else as `{"base64": …}`.
pub(super) mod bytes {
    use std::borrow::Cow;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written<'a> {
        Text(Cow<'a, str>),
        Encoded { base64: Cow<'a, str> },
    }

    pub(in crate::model) fn serialize<S: Serializer>(value: &Bytes, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return value.serialize(serializer);
        }
        let written = match std::str::from_utf8(value) {
            Ok(text) => Written::Text(text.into()),
            Err(_) => Written::Encoded { base64: STANDARD.encode(value).into() },
        };
        written.serialize(serializer)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Bytes, D::Error> {
        if !deserializer.is_human_readable() {
            return Bytes::deserialize(deserializer);
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(text.into_owned().into()),
            Written::Encoded { base64 } => STANDARD.decode(&*base64).map(Bytes::from).map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    struct All {
        #[serde(with = "super::float")]
        float: f64,
        #[serde(with = "super::maybe_float")]
        maybe: Option<f64>,
        #[serde(with = "super::bytes")]
        bytes: Bytes,
    }

    #[test]
    fn every_bit_comes_back_from_json_and_from_the_journals_form() {
        let floats = [0.1, -0.0, 1e300, f64::MIN_POSITIVE, 5e-324, 2.0_f64.powi(70), f64::INFINITY, f64::NAN];
        let bytes: [&[u8]; 4] = [b"", "{\"a\":\"\u{202e}\u{0}😀\"}".as_bytes(), b"\xff\xfe", b"\0\n"];
        for (n, float) in floats.into_iter().enumerate() {
            let maybe = (n % 2 == 0).then_some(float);
            let all = All { float, maybe, bytes: Bytes::from_static(bytes[n % bytes.len()]) };
            let json: All = serde_json::from_str(&serde_json::to_string(&all).expect("plain")).expect("own output");
            let packed: All = postcard::from_bytes(&postcard::to_stdvec(&all).expect("plain")).expect("own output");
            for read in [json, packed] {
                assert_eq!(read.float.to_bits(), all.float.to_bits(), "{float}");
                assert_eq!(read.maybe.map(f64::to_bits), all.maybe.map(f64::to_bits), "{float}");
                assert_eq!(read.bytes, all.bytes);
            }
        }
    }
}
