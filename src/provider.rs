//! Sources of credentials.

use crate::aws::create_session::SessionRequest;
use crate::aws::endpoint::Service;
use crate::aws::fault::Fault;
use crate::call::{self, Deadline};
use crate::credentials::Credentials;
use crate::diagnosis::{self, Evidence, Refusal};
use crate::error::Error;
use crate::identity::{Identity, IdentitySource};
use crate::sigv4;
use crate::sigv4::scope::Scope;
use crate::world::World;

/// Trades a certificate for credentials at IAM Roles Anywhere.
#[derive(Clone, Debug)]
pub struct RolesAnywhere {
    /// Where the certificate and the key are.
    pub source: IdentitySource,
    /// What to ask for.
    pub session: SessionRequest,
}

impl RolesAnywhere {
    /// Fetches a fresh set: opens the identity, signs, sends, reads.
    ///
    /// The identity is opened anew each time, so that a rotated certificate and its key are picked
    /// up together. Refuses an identity that is out of date before anything is sent.
    pub async fn fetch(&self, world: &World<'_>, deadline: Deadline) -> Result<Credentials, Error> {
        let identity = self.source.open(world.files, world.passwords, world.clock.now())?;
        show_identity(world, &self.source, &identity);
        identity.check_validity(world.clock.now())?;
        let answer = call::send(world, deadline, |now| {
            let scope = Scope::new(now, &self.session.region, Service::RolesAnywhere.name());
            let signed = sigv4::sign(self.session.to_http(), &scope, now, &identity)?;
            world.trace.show(format_args!(
                "canonical request:\n{}\nstring to sign:\n{}",
                signed.canonical_request.text(),
                signed.string_to_sign
            ));
            Ok::<_, crate::signer::SignError>(signed.request)
        })
        .await?;
        if !(200..300).contains(&answer.response.status) {
            let fault = Fault::parse(&answer.response);
            let evidence = Evidence {
                received: answer.received,
                leaf: identity.certificate(),
                intermediates: identity.intermediates(),
            };
            let hints = diagnosis::create_session(&fault, &self.session, &evidence);
            return Err(Refusal::new("CreateSession", fault, hints).into());
        }
        let credentials = self.session.parse(&answer.response, answer.received)?;
        world.trace.show(format_args!(
            "session of {}: access key {}, until {}",
            self.session.role, credentials.access_key_id, credentials.expiration
        ));
        Ok(credentials)
    }
}

fn show_identity(world: &World<'_>, source: &IdentitySource, identity: &Identity) {
    if let Some(mode) = world.files.readable_by_others(&source.private_key) {
        let key = &source.private_key;
        world.trace.show(format_args!("{key} can be read by others than its owner ({mode:04o})"));
    }
    let leaf = identity.certificate();
    world.trace.show(format_args!(
        "certificate: {}, serial {}, issued by {}, valid from {} to {}",
        leaf.subject(),
        leaf.serial(),
        leaf.issuer(),
        leaf.not_before(),
        leaf.not_after()
    ));
    for intermediate in identity.intermediates() {
        let (subject, issuer) = (intermediate.subject(), intermediate.issuer());
        world.trace.show(format_args!("sent with it: {subject}, issued by {issuer}"));
    }
    for (certificate, reason) in identity.left_out() {
        let subject = certificate.subject();
        world.trace.show(format_args!("left out: {subject}: {}", reason.as_str()));
    }
}
