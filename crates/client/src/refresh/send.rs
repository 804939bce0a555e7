//! What a program with several threads needs: futures that move between them, and ports that are shared.
//! It is checked when the tests are compiled.

use std::time::Duration;

use crate::aws::endpoint::RegionalEndpoint;
use crate::aws::get_secret_value::{SecretId, SecretRequest};
use crate::aws::parameter::{Decryption, ParameterRequest};
use crate::credentials::Session;
use crate::ports::Ports;
use crate::provider::RolesAnywhere;
use crate::provider::fallback::Order;
use crate::provider::parameter_store::ParameterStore;
use crate::provider::secrets_manager::SecretsManager;
use crate::refresh::handle::RefreshHandle;
use crate::refresh::refresher::Refresher;
use crate::refresh::reloading_identity::ReloadingIdentity;
use crate::refresh::session_source::SessionSource;
use crate::refresh::status::StatusChannel;
use crate::time::Deadline;

fn is_send<T: Send>(_: &T) {}

fn is_shared<T: Send + Sync + 'static>() {}

fn is_cloned<T: Clone>() {}

#[test]
fn ports_and_what_is_made_of_them_are_shared_by_threads() {
    is_shared::<Ports>();
    is_cloned::<Ports>();
    is_shared::<RolesAnywhere>();
    is_shared::<ReloadingIdentity>();
    is_shared::<StatusChannel>();
    is_shared::<RefreshHandle>();
}

#[expect(dead_code, reason = "its types are checked, it does not run")]
fn futures_move_between_threads(
    provider: &RolesAnywhere,
    (at, session): (&RegionalEndpoint, &Session),
    (request, ids, parameters): (&SecretRequest, &[SecretId], &[ParameterRequest]),
    (source, refresher): (&dyn SessionSource, &mut Refresher),
    (ports, deadline): (&Ports, Deadline),
) {
    is_send(&provider.fetch(0, ports, deadline));
    let secrets = SecretsManager { at, provider };
    is_send(&secrets.get_secret_value(request, session, ports, deadline));
    is_send(&secrets.batch_get_secret_value(ids, session, ports, deadline));
    let store = ParameterStore { at, provider, decryption: Decryption::Decrypted };
    is_send(&store.get_parameters(parameters, session, ports, deadline));
    is_send(&source.fetch(Order::PrimaryFirst));
    let channel = refresher.channel();
    is_send(&channel.wait_for_session(&*ports.clock, &*ports.timer, Duration::ZERO));
    is_send(&channel.first_refresh());
    is_send(&refresher.run());
    is_send(&ports.timer.sleep(Duration::ZERO));
}
