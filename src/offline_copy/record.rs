//! What a copy holds, as bytes: fields one after the other, each with its length.

use super::identity::{CopyIdentity, CopyKind};
use crate::secrets_cache::FetchedValue;
use roles_anywhere_client::aws::get_secret_value::{SecretValue, SecretVersion};
use roles_anywhere_client::aws::parameter::Parameter;
use roles_anywhere_client::secret::{Secret, SecretBytes};
use roles_anywhere_client::time::Timestamp;

/// A copy: what it is of, when AWS last confirmed it, and all that AWS returned.
#[derive(Clone, Debug)]
pub struct CopyRecord {
    /// What it is of.
    pub identity: CopyIdentity,
    /// When AWS last confirmed it.
    pub confirmed: Timestamp,
    /// What AWS returned.
    pub value: FetchedValue,
}

/// The length of a field that is not there.
const ABSENT: u32 = u32::MAX;

/// The most staging labels that are read of a version; AWS has 20.
const MAX_LABELS: usize = 100;

/// Takes the bytes of fields.
pub(super) struct FieldSink<'a>(pub(super) &'a mut dyn FnMut(&[u8]));

impl FieldSink<'_> {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let length = u32::try_from(bytes.len()).unwrap_or(ABSENT);
        (self.0)(&length.to_be_bytes());
        (self.0)(bytes);
    }

    pub(super) fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => (self.0)(&ABSENT.to_be_bytes()),
        }
    }

    fn text(&mut self, text: Option<&str>) {
        self.optional(text.map(str::as_bytes));
    }

    fn number(&mut self, number: Option<i64>) {
        self.optional(number.map(i64::to_be_bytes).as_ref().map(<[u8; 8]>::as_slice));
    }
}

impl CopyRecord {
    /// Hands the bytes of the copy to `put`, piece by piece, so that no buffer of them has to grow: what a
    /// buffer leaves behind is not wiped.
    pub fn write(&self, put: &mut dyn FnMut(&[u8])) {
        let mut sink = FieldSink(put);
        sink.number(Some(self.confirmed.unix()));
        write_contents(&self.identity, &self.value, &mut sink);
    }

    /// Reads what [`CopyRecord::write`] wrote; `None` if it is anything else.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut fields = FieldReader(bytes);
        let confirmed = fields.number()??;
        let confirmed =
            Some(Timestamp::from_unix(confirmed)).filter(|it| it.unix() == confirmed)?;
        let identity = read_identity(&mut fields)?;
        let value = match identity.kind {
            CopyKind::Secret => FetchedValue::Secret(read_secret(&mut fields)?),
            CopyKind::Parameter | CopyKind::EncryptedParameter => {
                FetchedValue::Parameter(read_parameter(&mut fields)?)
            }
        };
        fields.0.is_empty().then_some(Self { identity, confirmed, value })
    }
}

/// Writes all but the time.
pub(super) fn write_contents(
    identity: &CopyIdentity,
    value: &FetchedValue,
    sink: &mut FieldSink<'_>,
) {
    identity.write(sink);
    match value {
        FetchedValue::Secret(secret) => write_secret(secret, sink),
        FetchedValue::Parameter(parameter) => write_parameter(parameter, sink),
    }
}

fn write_secret(secret: &SecretVersion, sink: &mut FieldSink<'_>) {
    let SecretVersion { arn, name, version_id, version_stages, created, value } = secret;
    sink.text(Some(arn));
    sink.text(Some(name));
    sink.text(version_id.as_deref());
    sink.number(i64::try_from(version_stages.len()).ok());
    version_stages.iter().for_each(|stage| sink.text(Some(stage)));
    sink.number(*created);
    let (text, binary) = match value {
        SecretValue::Text(text) => (Some(text.expose()), None),
        SecretValue::Binary(bytes) => (None, Some(bytes.expose())),
    };
    sink.text(text);
    sink.optional(binary);
}

fn write_parameter(parameter: &Parameter, sink: &mut FieldSink<'_>) {
    let Parameter {
        name,
        kind,
        value,
        version,
        selector,
        source_result,
        last_modified,
        arn,
        data_type,
    } = parameter;
    sink.text(Some(name));
    sink.text(Some(kind));
    sink.text(Some(value.expose()));
    sink.number(*version);
    sink.text(selector.as_deref());
    sink.text(source_result.as_ref().map(Secret::expose));
    sink.number(*last_modified);
    sink.text(arn.as_deref());
    sink.text(data_type.as_deref());
}

/// Reads fields. Of each, the inner `None` is a field that is not there, the outer one a mistake.
struct FieldReader<'a>(&'a [u8]);

impl<'a> FieldReader<'a> {
    fn bytes(&mut self) -> Option<Option<&'a [u8]>> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length);
        if length == ABSENT {
            self.0 = rest;
            return Some(None);
        }
        let (field, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(Some(field))
    }

    fn text(&mut self) -> Option<Option<&'a str>> {
        match self.bytes()? {
            Some(bytes) => std::str::from_utf8(bytes).ok().map(Some),
            None => Some(None),
        }
    }

    fn owned(&mut self) -> Option<Option<String>> {
        Some(self.text()?.map(str::to_owned))
    }

    fn number(&mut self) -> Option<Option<i64>> {
        match self.bytes()? {
            Some(bytes) => Some(Some(i64::from_be_bytes(bytes.try_into().ok()?))),
            None => Some(None),
        }
    }

    fn secret(&mut self) -> Option<Option<Secret>> {
        Some(self.text()?.map(|text| Secret::new(text.to_owned())))
    }
}

fn read_identity(fields: &mut FieldReader<'_>) -> Option<CopyIdentity> {
    let (role, region, account) = (fields.owned()??, fields.owned()??, fields.owned()??);
    let kind = fields.bytes()??;
    let kind = CopyKind::ALL.into_iter().find(|known| known.as_bytes() == kind)?;
    let name = fields.owned()??;
    let (version_id, label) = (fields.owned()?, fields.owned()?);
    Some(CopyIdentity { role, region, account, kind, name, version_id, label })
}

fn read_secret(fields: &mut FieldReader<'_>) -> Option<SecretVersion> {
    let (arn, name, version_id) = (fields.owned()??, fields.owned()??, fields.owned()?);
    let count = usize::try_from(fields.number()??).ok().filter(|count| *count <= MAX_LABELS)?;
    let version_stages =
        (0..count).map(|_| fields.owned().flatten()).collect::<Option<Vec<String>>>()?;
    let created = fields.number()?;
    let value = match (fields.secret()?, fields.bytes()?) {
        (Some(text), None) => SecretValue::Text(text),
        (None, Some(bytes)) => SecretValue::Binary(SecretBytes::new(bytes.to_vec())),
        _ => return None,
    };
    Some(SecretVersion { arn, name, version_id, version_stages, created, value })
}

fn read_parameter(fields: &mut FieldReader<'_>) -> Option<Parameter> {
    Some(Parameter {
        name: fields.owned()??,
        kind: fields.owned()??,
        value: fields.secret()??,
        version: fields.number()?,
        selector: fields.owned()?,
        source_result: fields.secret()?,
        last_modified: fields.number()?,
        arn: fields.owned()?,
        data_type: fields.owned()?,
    })
}
