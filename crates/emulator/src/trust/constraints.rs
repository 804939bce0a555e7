//! Name constraints (RFC 5280, 4.2.1.10): of every form that a constraint may have, not only of
//! those that webpki knows. SPIFFE CAs constrain URIs, corporate CAs directory names.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, GeneralSubtree, NameConstraints};

use super::name::ComparableName;

/// Returns whether `constraints` permit every name of `certificate`.
pub(super) fn permits(
    constraints: &NameConstraints<'_>,
    certificate: &X509Certificate<'_>,
) -> bool {
    let Ok(names) = certificate.subject_alternative_name() else { return false };
    let names = names.map_or(&[][..], |extension| &extension.value.general_names);
    let has_mailbox = names.iter().any(|name| matches!(name, GeneralName::RFC822Name(_)));
    let subject = certificate.subject();
    let mailboxes =
        subject.iter_email().map(|mailbox| mailbox.as_str().map(GeneralName::RFC822Name));
    let mailboxes: Result<Vec<_>, _> = mailboxes.filter(|_| !has_mailbox).collect();
    let Ok(mailboxes) = mailboxes else { return false };
    let subject = GeneralName::DirectoryName(subject.clone());
    let subject = Some(&subject).filter(|_| subject_is_named(certificate));
    names.iter().chain(&mailboxes).chain(subject).all(|name| is_permitted(constraints, name))
}

fn subject_is_named(certificate: &X509Certificate<'_>) -> bool {
    !ComparableName::new(certificate.subject()).is_empty()
}

fn is_permitted(constraints: &NameConstraints<'_>, name: &GeneralName<'_>) -> bool {
    let of_form = |subtrees: &Option<Vec<GeneralSubtree<'_>>>| -> Vec<Fit> {
        let subtrees = subtrees.iter().flatten().filter(|subtree| same_form(&subtree.base, name));
        subtrees.map(|subtree| fit(name, &subtree.base)).collect()
    };
    let permitted = of_form(&constraints.permitted_subtrees);
    let excluded = of_form(&constraints.excluded_subtrees);
    (permitted.is_empty() || permitted.contains(&Fit::Within))
        && excluded.iter().all(|fit| *fit == Fit::Outside)
}

/// The relation of a name to a constraint of its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    Within,
    Outside,
    /// The name or the form cannot be judged: neither permitted nor surely not excluded.
    Unknown,
}

fn same_form(one: &GeneralName<'_>, other: &GeneralName<'_>) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

fn fit(name: &GeneralName<'_>, base: &GeneralName<'_>) -> Fit {
    let within = match (name, base) {
        (GeneralName::DNSName(name), GeneralName::DNSName(base)) => Some(domain_fits(name, base)),
        (GeneralName::URI(uri), GeneralName::URI(base)) => {
            host_of(uri).map(|host| host_fits(&host, base))
        }
        (GeneralName::RFC822Name(mailbox), GeneralName::RFC822Name(base)) => {
            mailbox_fits(mailbox, base)
        }
        (GeneralName::IPAddress(address), GeneralName::IPAddress(base)) => {
            address_fits(address, base)
        }
        (GeneralName::DirectoryName(name), GeneralName::DirectoryName(base)) => {
            Some(ComparableName::new(name).is_within(&ComparableName::new(base)))
        }
        _ => None,
    };
    match within {
        Some(true) => Fit::Within,
        Some(false) => Fit::Outside,
        None => Fit::Unknown,
    }
}

/// `example.com` and whatever is below it; with a dot in front only what is below.
fn domain_fits(name: &str, base: &str) -> bool {
    let (name, base) = (name.to_ascii_lowercase(), base.to_ascii_lowercase());
    let (name, base) = (name.trim_end_matches('.'), base.trim_end_matches('.'));
    match base.strip_prefix('.') {
        Some(_) => name.ends_with(base),
        None => base.is_empty() || name == base || name.ends_with(&format!(".{base}")),
    }
}

/// One host; with a dot in front of it what is below, and not itself.
fn host_fits(host: &str, base: &str) -> bool {
    let base = base.to_ascii_lowercase();
    if base.starts_with('.') { host.ends_with(&base) } else { host == base }
}

/// Returns the host of a URI in lower case: of `spiffe://trust.domain/path` its trust domain. A URI
/// without a host, or whose host is an address, cannot be constrained.
fn host_of(uri: &str) -> Option<String> {
    let (_, rest) = uri.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    if host.starts_with('[') {
        return None;
    }
    let host = host.split(':').next()?;
    let is_name = !host.is_empty() && host.parse::<std::net::Ipv4Addr>().is_err();
    is_name.then(|| host.to_ascii_lowercase())
}

/// One mailbox, every mailbox of a host, or with a dot in front of hosts below.
fn mailbox_fits(mailbox: &str, base: &str) -> Option<bool> {
    let (local, host) = mailbox.rsplit_once('@')?;
    let host = host.to_ascii_lowercase();
    Some(match base.rsplit_once('@') {
        Some((own, base)) => local == own && host == base.to_ascii_lowercase(),
        None => host_fits(&host, base),
    })
}

/// An address and a mask of the same length.
fn address_fits(address: &[u8], base: &[u8]) -> Option<bool> {
    if ![4, 16].contains(&address.len()) || ![8, 32].contains(&base.len()) {
        return None;
    }
    let (network, mask) = base.split_at(base.len() / 2);
    Some(
        address.len() == network.len()
            && address.iter().zip(network).zip(mask).all(|((a, n), m)| a & m == n & m),
    )
}
