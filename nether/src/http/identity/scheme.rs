//! [`SecurityScheme`]: how clients send their credentials.

use axum::http::HeaderValue;
use axum::http::header::HeaderName;
use serde_json::{Value, json};

/// A way in which clients send their credentials. It makes the header `www-authenticate` of a 401, and the
/// security schemes in the description of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityScheme(SchemeKind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum SchemeKind {
    Bearer { format: Option<&'static str> },
    Basic { realm: String },
    Cookie { name: String },
    Header { name: HeaderName },
}

impl SecurityScheme {
    /// A token in the header `authorization: Bearer ..` (RFC 6750).
    pub fn bearer() -> Self {
        SecurityScheme(SchemeKind::Bearer { format: None })
    }

    /// A bearer token that is a JSON Web Token (RFC 7519).
    pub fn jwt() -> Self {
        SecurityScheme(SchemeKind::Bearer {
            format: Some("JWT"),
        })
    }

    /// A name and a password in the header `authorization: Basic ..` (RFC 7617). The realm is what a browser
    /// shows when it asks for them.
    pub fn basic(realm: impl Into<String>) -> Self {
        let realm = realm.into();
        SecurityScheme(SchemeKind::Basic { realm })
    }

    /// A cookie of that name, such as that of a session.
    pub fn cookie(name: impl Into<String>) -> Self {
        let name = name.into();
        SecurityScheme(SchemeKind::Cookie { name })
    }

    /// A key in a header of that name, such as `x-api-key`.
    pub fn header(name: HeaderName) -> Self {
        SecurityScheme(SchemeKind::Header { name })
    }

    /// The challenge of a 401. Cookies and keys in headers have no scheme that is registered, so theirs say
    /// what is missing.
    pub(crate) fn challenge(&self) -> Option<HeaderValue> {
        let challenge = match &self.0 {
            SchemeKind::Bearer { .. } => "Bearer".to_owned(),
            SchemeKind::Basic { realm } => {
                format!("Basic realm={}, charset=\"UTF-8\"", quoted(realm))
            }
            SchemeKind::Cookie { name } => format!("Cookie cookie-name={}", quoted(name)),
            SchemeKind::Header { name } => format!("ApiKey header=\"{name}\""),
        };
        HeaderValue::from_str(&challenge).ok()
    }

    /// What it is called in the description of the API.
    pub(crate) fn name(&self) -> &'static str {
        match &self.0 {
            SchemeKind::Bearer { .. } => "bearer",
            SchemeKind::Basic { .. } => "basic",
            SchemeKind::Cookie { .. } => "cookie",
            SchemeKind::Header { .. } => "key",
        }
    }

    /// The scheme in the description of the API.
    pub(crate) fn described(&self) -> Value {
        match &self.0 {
            SchemeKind::Bearer { format } => {
                let mut scheme = json!({ "type": "http", "scheme": "bearer" });
                if let Some(format) = format {
                    scheme["bearerFormat"] = json!(format);
                }
                scheme
            }
            SchemeKind::Basic { .. } => json!({ "type": "http", "scheme": "basic" }),
            SchemeKind::Cookie { name } => {
                json!({ "type": "apiKey", "in": "cookie", "name": name })
            }
            SchemeKind::Header { name } => {
                json!({ "type": "apiKey", "in": "header", "name": name.as_str() })
            }
        }
    }
}

/// A text as headers quote it (RFC 9110, section 5.6.4).
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// The schemes with names of their own: the second of a kind has a number.
pub(crate) fn named(schemes: &[SecurityScheme]) -> Vec<(String, &SecurityScheme)> {
    let before = |index: usize, name: &str| {
        let before = schemes[..index].iter();
        before.filter(|it| it.name() == name).count()
    };
    let all = schemes.iter().enumerate();
    let all = all.map(|(index, scheme)| match before(index, scheme.name()) {
        0 => (scheme.name().to_owned(), scheme),
        earlier => (format!("{}{}", scheme.name(), earlier + 1), scheme),
    });
    all.collect()
}

#[cfg(test)]
mod tests {
    use axum::http::header::HeaderName;

    use super::{SecurityScheme, named};

    #[test]
    fn each_scheme_has_a_challenge_and_a_name() {
        let key = HeaderName::from_static("x-api-key");
        let schemes = [
            SecurityScheme::jwt(),
            SecurityScheme::basic("the \"shop\""),
            SecurityScheme::cookie("session"),
            SecurityScheme::cookie("other"),
            SecurityScheme::header(key),
        ];
        let challenges = schemes.each_ref().map(|it| it.challenge().unwrap());
        assert_eq!(
            challenges,
            [
                "Bearer",
                r#"Basic realm="the \"shop\"", charset="UTF-8""#,
                r#"Cookie cookie-name="session""#,
                r#"Cookie cookie-name="other""#,
                r#"ApiKey header="x-api-key""#,
            ]
        );
        let names: Vec<_> = named(&schemes).into_iter().map(|it| it.0).collect();
        assert_eq!(names, ["bearer", "basic", "cookie", "cookie2", "key"]);
    }
}
