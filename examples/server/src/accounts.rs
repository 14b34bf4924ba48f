//! Users sign in with a password. The answer sets a cookie with the ID of their session, and the
//! authenticator of the server finds the user by it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use nether::Principal;
use nether::http::{
    Authenticate, HeaderName, HeaderValue, ProblemDetails, RequestHead, SecurityScheme,
    WithHeaders, from_fn,
};
use nether::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// The name of the cookie.
const COOKIE: &str = "session";

/// Signs in; the answer sets a cookie.
#[command(reply = WithHeaders<Account>, error = SignInError, http = "POST /sessions", status = 201)]
pub struct SignIn {
    /// The name of the user.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Asks for the user who has signed in.
#[query(reply = Account, error = SignInError, requires = nether::signed_in, http = "GET /me")]
pub struct WhoAmI;

/// A user.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Account {
    /// The name.
    pub user: String,
    /// What the user may do.
    pub roles: Vec<String>,
}

/// The reason why a sign-in was refused.
#[derive(Debug, thiserror::Error, nether::Problem)]
pub enum SignInError {
    /// The user or the password is wrong. The answer does not say which.
    #[error("there is no such user, or the password is another one")]
    #[problem(
        status = 401,
        title = "Not signed in",
        www_authenticate = "Cookie cookie-name=\"session\""
    )]
    Wrong,
}

/// Users with their passwords and roles. A real program keeps hashes of passwords, in a database.
const USERS: [(&str, &str, &[&str]); 2] = [
    ("ann", "darjeeling", &["audit.read", "orders.cancel"]),
    ("bob", "espresso", &[]),
];

/// The sessions, by their IDs: shared by the module that opens them and the authenticator.
#[derive(Debug, Clone, Default)]
pub struct Sessions(Arc<Mutex<HashMap<String, Principal>>>);

impl Sessions {
    /// Opens a session; the one that the user had ends.
    fn open(&self, principal: Principal) -> String {
        let id = Uuid::new_v4().to_string();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, known| known.id() != principal.id());
        sessions.insert(id.clone(), principal);
        id
    }

    fn find(&self, id: &str) -> Option<Principal> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(id).cloned()
    }

    /// Finds out who asks by the cookie of a request. One without a cookie may go on: it is answered unless
    /// its message requires something.
    pub fn authenticator(&self) -> impl Authenticate + use<> {
        let sessions = self.clone();
        from_fn(
            [SecurityScheme::cookie(COOKIE)],
            move |head: RequestHead| {
                let sessions = sessions.clone();
                async move {
                    let Some(id) = head.cookie(COOKIE) else {
                        return Ok(Principal::anonymous());
                    };
                    let known = sessions.find(id);
                    known.ok_or_else(|| ProblemDetails::unauthorized("the session has ended"))
                }
            },
        )
    }
}

/// Lets users sign in.
#[derive(Debug)]
pub struct Accounts {
    sessions: Sessions,
}

#[module(handles = [SignIn, WhoAmI])]
impl Accounts {
    #[init]
    async fn new(sessions: Resource<Sessions>) -> nether::Result<Self> {
        Ok(Accounts {
            sessions: (*sessions).clone(),
        })
    }

    async fn sign_in(&self, sign_in: SignIn) -> Result<WithHeaders<Account>, SignInError> {
        let is_user = |(user, password, _): &&(&str, &str, &[&str])| {
            *user == sign_in.user && *password == sign_in.password
        };
        let (user, _, roles) = USERS.iter().find(is_user).ok_or(SignInError::Wrong)?;
        let principal = Principal::new(*user).with_roles(roles.iter().copied());
        let account = account(&principal);
        let id = self.sessions.open(principal);
        // Behind a proxy that encrypts, `Secure` belongs here too.
        let cookie = format!("{COOKIE}={id}; Path=/; HttpOnly; SameSite=Lax");
        let cookie = HeaderValue::from_str(&cookie).map_err(|_| SignInError::Wrong)?;
        let name = HeaderName::from_static("set-cookie");
        Ok(WithHeaders::new(account).header(name, cookie))
    }

    async fn who(&self, _: WhoAmI, ctx: &QueryContext<Self>) -> Result<Account, SignInError> {
        ctx.principal().map(account).ok_or(SignInError::Wrong)
    }
}

fn account(principal: &Principal) -> Account {
    Account {
        user: principal.id().to_owned(),
        roles: principal.roles().map(str::to_owned).collect(),
    }
}
