//! Encrypted connections: the server's certificate and name are verified, always.

use std::path::Path;
use std::sync::Arc;

use nether::eventstore::StoreError;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::address::Certificates;
use crate::errors::failed;

/// The settings that follow from the files that an address names.
pub(super) fn config(files: &Certificates) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| failed(error.to_string()))?;
    let builder = builder.with_root_certificates(roots(files.roots.as_deref())?);
    match (&files.own, &files.key) {
        (None, None) => Ok(builder.with_no_client_auth()),
        (Some(own), Some(key)) => {
            let unreadable = |error| unreadable(key, &error);
            let parsed = PrivateKeyDer::from_pem_file(key).map_err(unreadable)?;
            let config = builder.with_client_auth_cert(certificates(own)?, parsed);
            config.map_err(|error| {
                failed(format!(
                    "the certificate `{}` and the key `{}` cannot be used: {error}",
                    own.display(),
                    key.display()
                ))
            })
        }
        (Some(_), None) => Err(failed("`sslcert` needs `sslkey` beside it".to_owned())),
        (None, Some(_)) => Err(failed("`sslkey` needs `sslcert` beside it".to_owned())),
    }
}

/// The certificates that may have signed the server's.
fn roots(file: Option<&Path>) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            for certificate in certificates(file)? {
                let added = roots.add(certificate);
                added.map_err(|error| {
                    failed(format!(
                        "a certificate of `{}` cannot be used: {error}",
                        file.display()
                    ))
                })?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    if roots.is_empty() {
        return Err(failed(
            "the system trusts no certificates that could be found: name a file of them with `sslrootcert=..` in the address of the database".to_owned(),
        ));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, StoreError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| unreadable(file, &error))?;
    match read.is_empty() {
        true => Err(failed(format!(
            "`{}` holds no certificate in PEM",
            file.display()
        ))),
        false => Ok(read),
    }
}

fn unreadable(file: &Path, error: &rustls::pki_types::pem::Error) -> StoreError {
    failed(format!("`{}` cannot be read: {error}", file.display()))
}
