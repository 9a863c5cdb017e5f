//! Which proxy a download goes through: one for all, or what the environment says.

use std::net::IpAddr;

use ipnet::IpNet;

use super::shown;
use crate::problem::Problem;

/// Proxies by the scheme of what is fetched.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    http: Option<ureq::Proxy>,
    https: Option<ureq::Proxy>,
    /// The words of `no_proxy`.
    except: Vec<String>,
}

impl Proxies {
    /// The proxy that was named by `--proxy` or `package_proxy`, for everything; else those of the
    /// environment, as curl reads them.
    ///
    /// # Errors
    /// What was named is no URL of a proxy.
    pub fn new(
        named: Option<(&str, &str)>,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Problem> {
        if let Some((name, url)) = named {
            let proxy = proxy(name, url)?;
            return Ok(Self { http: Some(proxy.clone()), https: Some(proxy), except: Vec::new() });
        }
        let get = |name: &str| {
            let found = environment(name).map(|value| (name.to_owned(), value));
            let found = found.or_else(|| {
                let name = name.to_uppercase();
                environment(&name).map(|value| (name, value))
            });
            found.filter(|(_, value)| !value.trim().is_empty())
        };
        let of = |name: &str| -> Result<Option<ureq::Proxy>, Problem> {
            let found = get(name).or_else(|| get("all_proxy"));
            found.map(|(name, url)| proxy(&name, url.trim())).transpose()
        };
        let except = get("no_proxy").map(|(_, value)| value).unwrap_or_default();
        let words = except.split([',', ' ']).filter(|word| !word.is_empty());
        Ok(Self {
            http: of("http_proxy")?,
            https: of("https_proxy")?,
            except: words.map(str::to_ascii_lowercase).collect(),
        })
    }

    /// The proxy for what is at `host` behind `scheme`.
    pub(super) fn of(&self, scheme: &str, host: &str) -> Option<&ureq::Proxy> {
        self.for_scheme(scheme).filter(|_| !self.is_excepted(host))
    }

    /// The proxy for what is behind `scheme`, but for hosts that `no_proxy` names.
    pub(super) fn for_scheme(&self, scheme: &str) -> Option<&ureq::Proxy> {
        if scheme == "https" { self.https.as_ref() } else { self.http.as_ref() }
    }

    /// Whether `no_proxy` names the host: itself, a domain that it is in, a subnet, or `*`.
    fn is_excepted(&self, host: &str) -> bool {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        let address: Option<IpAddr> = host.parse().ok();
        self.except.iter().any(|word| {
            let subnet = word.parse::<IpNet>().ok();
            if let (Some(subnet), Some(address)) = (subnet, address) {
                return subnet.contains(&address);
            }
            let domain = word.trim_start_matches('*').trim_start_matches('.');
            word == "*"
                || host == domain
                || host
                    .strip_suffix(domain)
                    .is_some_and(|rest| !domain.is_empty() && rest.ends_with('.'))
        })
    }
}

fn proxy(name: &str, url: &str) -> Result<ureq::Proxy, Problem> {
    let scheme = url.split_once("://").map_or("http", |(scheme, _)| scheme);
    let known = ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str());
    ureq::Proxy::new(url).ok().filter(|_| known).ok_or_else(|| {
        Problem::new(format!("{name}: `{}` is no URL of a proxy", shown(url).escape_debug()))
            .hint("write http://HOST:PORT or http://USER:PASSWORD@HOST:PORT")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(named: Option<&str>, environment: &[(&str, &str)]) -> Result<Proxies, Problem> {
        Proxies::new(named.map(|url| ("--proxy", url)), |name| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let proxies = read(
            None,
            &[
                ("http_proxy", "http://plain.example:3128"),
                ("HTTPS_PROXY", "tls.example:8080"),
                ("no_proxy", "inside.example,.corp.example, 10.0.0.0/8,::1"),
            ],
        )
        .unwrap();
        let host = |scheme, host| proxies.of(scheme, host).map(|proxy| proxy.host().to_owned());
        assert_eq!(host("http", "a.example").as_deref(), Some("plain.example"));
        assert_eq!(host("https", "a.example").as_deref(), Some("tls.example"));
        assert_eq!(host("http", "notinside.example").as_deref(), Some("plain.example"));
        for near in ["inside.example", "a.INSIDE.example", "corp.example", "10.1.2.3", "[::1]"] {
            assert_eq!(host("http", near), None, "{near}");
        }
        let all = read(None, &[("ALL_PROXY", "http://all.example"), ("NO_PROXY", "*")]).unwrap();
        assert_eq!(all.of("http", "a.example"), None);
    }

    #[test]
    fn one_that_is_named_is_for_everything() {
        let environment = [("http_proxy", "http://other.example"), ("no_proxy", "*")];
        let proxies = read(Some("http://u:p@p.example:3128"), &environment).unwrap();
        assert_eq!(proxies.of("https", "a").unwrap().port(), 3128);
        for bad in ["socks5://x", "http://", "http://u:secret@x y"] {
            let problem = read(Some(bad), &[]).unwrap_err().to_string();
            assert!(problem.contains("--proxy") && !problem.contains("secret"), "{problem}");
        }
    }
}
