//! How a server of the store is reached: one server, one that Sentinels name, or a cluster; in clear or by TLS.
//!
//! It does not know when to connect, nor what is said over a connection.

use std::time::Duration;

use portcullis_model::Secret;
use redis::aio::{MultiplexedConnection, PubSub};
use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ErrorKind, IntoConnectionInfo, RedisConnectionInfo,
    RedisError, RedisResult, TlsCertificates, TlsMode, Value,
};

/// Where the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Servers {
    /// One server.
    Single(Address),
    /// The one that Sentinels say is the primary of a service.
    Sentinel {
        /// The Sentinels.
        sentinels: Vec<Address>,
        /// The name they know the service by.
        service: String,
    },
    /// A cluster, by some of its nodes.
    Cluster(Vec<Address>),
}

/// A host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, IPv6 without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

/// Who the gateway is to the server.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The user of the server's access list; the default user if absent.
    pub user: Option<String>,
    /// The password, if one is asked for.
    pub password: Option<Secret<String>>,
}

/// Whether the connection is encrypted, and whose certificates are believed.
#[derive(Clone, Debug, Default)]
pub enum Encryption {
    /// In clear.
    #[default]
    Off,
    /// By TLS; the authorities of the system are believed.
    SystemRoots,
    /// By TLS; only these authorities are believed (PEM).
    Roots(Vec<u8>),
}

/// A way to reach the server.
#[derive(Clone, Debug)]
pub struct Route {
    /// Where it is.
    pub servers: Servers,
    /// How one logs in.
    pub credentials: Credentials,
    /// Whether it is encrypted.
    pub encryption: Encryption,
    /// The database's number; clusters have only 0.
    pub database: u32,
}

/// An open connection; clones share it, and what they send is interleaved.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Sends a command and waits for its answer, however long that takes.
    pub(super) async fn send(&self, command: &Cmd) -> RedisResult<Value> {
        match self.clone() {
            Self::One(mut connection) => command.query_async(&mut connection).await,
            Self::Cluster(mut connection) => command.query_async(&mut connection).await,
        }
    }
}

impl Route {
    /// Whether keys of one batch may lie on different servers.
    pub(super) fn is_cluster(&self) -> bool {
        matches!(self.servers, Servers::Cluster(_))
    }

    /// Connects, with `patience` for each step; how long an answer may take is for those who ask to say.
    pub(super) async fn connect(&self, patience: Duration) -> RedisResult<Connection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(patience)).set_response_timeout(None);
        match &self.servers {
            Servers::Single(address) => {
                let client = self.client(address)?;
                Ok(Connection::One(client.get_multiplexed_async_connection_with_config(&config).await?))
            }
            Servers::Sentinel { sentinels, service } => {
                let mut client = self.sentinels(sentinels, service)?.build()?;
                Ok(Connection::One(client.get_async_connection_with_config(&config).await?))
            }
            Servers::Cluster(nodes) => {
                let client = self.cluster(nodes, patience)?.build()?;
                Ok(Connection::Cluster(client.get_async_connection().await?))
            }
        }
    }

    /// Connects to listen to what is published: any server of a cluster passes it on.
    pub(super) async fn listen(&self) -> RedisResult<PubSub> {
        match &self.servers {
            Servers::Single(address) => self.client(address)?.get_async_pubsub().await,
            Servers::Sentinel { sentinels, service } => {
                let mut client = self.sentinels(sentinels, service)?.build()?;
                client.async_get_client().await?.get_async_pubsub().await
            }
            Servers::Cluster(nodes) => {
                let mut failed = RedisError::from((ErrorKind::InvalidClientConfig, "no nodes"));
                for node in nodes {
                    match self.client(node)?.get_async_pubsub().await {
                        Ok(listening) => return Ok(listening),
                        Err(error) => failed = error,
                    }
                }
                Err(failed)
            }
        }
    }

    fn client(&self, address: &Address) -> RedisResult<Client> {
        let mut login = RedisConnectionInfo::default().set_db(self.database.into());
        if let Some(user) = &self.credentials.user {
            login = login.set_username(user);
        }
        if let Some(password) = &self.credentials.password {
            login = login.set_password(password.reveal());
        }
        let info = self.address(address).into_connection_info()?.set_redis_settings(login);
        match self.certificates() {
            Some(certificates) => Client::build_with_tls(info, certificates),
            None => Client::open(info),
        }
    }

    fn sentinels(&self, sentinels: &[Address], service: &str) -> RedisResult<SentinelClientBuilder> {
        let addresses: Vec<_> = sentinels.iter().map(|sentinel| self.address(sentinel)).collect();
        let mut builder = SentinelClientBuilder::new(addresses, service, SentinelServerType::Master)?
            .set_client_to_redis_db(self.database.into());
        if let Some(user) = &self.credentials.user {
            builder = builder.set_client_to_redis_username(user);
        }
        if let Some(password) = &self.credentials.password {
            builder = builder.set_client_to_redis_password(password.reveal());
        }
        if let Some(certificates) = self.certificates() {
            builder = builder
                .set_client_to_redis_tls_mode(TlsMode::Secure)
                .set_client_to_redis_certificates(certificates.clone())
                .set_client_to_sentinel_tls_mode(TlsMode::Secure)
                .set_client_to_sentinel_certificates(certificates);
        }
        Ok(builder)
    }

    fn cluster(&self, nodes: &[Address], patience: Duration) -> RedisResult<ClusterClientBuilder> {
        let infos = nodes
            .iter()
            .map(|node| self.address(node).into_connection_info())
            .collect::<RedisResult<Vec<_>>>()?;
        let mut builder =
            ClusterClient::builder(infos).connection_timeout(patience).response_timeout(patience).retries(1);
        if let Some(user) = &self.credentials.user {
            builder = builder.username(user);
        }
        if let Some(password) = &self.credentials.password {
            builder = builder.password(password.reveal());
        }
        if let Some(certificates) = self.certificates() {
            builder = builder.tls(TlsMode::Secure).certs(certificates);
        }
        Ok(builder)
    }

    fn address(&self, Address { host, port }: &Address) -> ConnectionAddr {
        match self.encryption {
            Encryption::Off => ConnectionAddr::Tcp(host.clone(), *port),
            Encryption::SystemRoots | Encryption::Roots(_) => {
                ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
            }
        }
    }

    fn certificates(&self) -> Option<TlsCertificates> {
        let root_cert = match &self.encryption {
            Encryption::Off => return None,
            Encryption::SystemRoots => None,
            Encryption::Roots(pem) => Some(pem.clone()),
        };
        Some(TlsCertificates { client_tls: None, root_cert })
    }
}
