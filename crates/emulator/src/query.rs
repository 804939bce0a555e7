//! The Query protocol, which STS and IAM speak: a form in, XML out.

mod constraints;
mod parameters;
mod xml;

pub(crate) use constraints::{Constraints, Pattern};
pub(crate) use parameters::Parameters;
pub(crate) use xml::{Xml, reply_without_result};

/// The namespace of what STS answers.
pub(crate) const STS_NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The namespace of what IAM answers.
pub(crate) const IAM_NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";
