// SPDX-License-Identifier: MIT OR Apache-2.0
//! Addresses of names.

use super::error::Error;
use super::stack::{Inner, Stack};
use alloc::vec::Vec;
use core::future::poll_fn;
use core::net::IpAddr;
use core::task::Poll;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::dns::{GetQueryResultError, QueryHandle, Socket};
use smoltcp::wire::{DnsQueryType, IpAddress};

impl Stack {
    /// The IPv4 addresses of `name`, asked of the name servers that the configuration or DHCP
    /// named.
    ///
    /// # Errors
    /// `Unresolved` if there is no name server, none answers, or the name has no address.
    pub async fn resolve(&self, name: &str) -> Result<Vec<IpAddr>, Error> {
        if let Ok(address) = name.parse() {
            return Ok([address].into());
        }
        let question = Question::ask(self, name)?;
        poll_fn(|context| {
            let mut inner = self.borrow();
            let socket = inner.sockets.get_mut::<Socket<'static>>(question.resolver);
            match socket.get_query_result(question.query) {
                Err(GetQueryResultError::Pending) => {
                    socket.register_query_waker(question.query, context.waker());
                    Poll::Pending
                }
                result => {
                    question.done.set(true);
                    let addresses = result.map_err(|_| Error::Unresolved);
                    Poll::Ready(addresses.map(|all| all.iter().map(|&it| it.into()).collect()))
                }
            }
        })
        .await
    }
}

/// A question under way; dropping it forgets the question.
struct Question<'a> {
    stack: &'a Stack,
    resolver: SocketHandle,
    query: QueryHandle,
    done: core::cell::Cell<bool>,
}

impl<'a> Question<'a> {
    fn ask(stack: &'a Stack, name: &str) -> Result<Self, Error> {
        let mut inner = stack.borrow();
        if inner.addresses.dns.is_empty() {
            return Err(Error::Unresolved);
        }
        let resolver = inner.resolver();
        let Inner { sockets, interface, .. } = &mut *inner;
        let socket = sockets.get_mut::<Socket<'static>>(resolver);
        let query = socket
            .start_query(interface.context(), name, DnsQueryType::A)
            .map_err(|_| Error::Unresolved)?;
        inner.wake_driver();
        Ok(Self { stack, resolver, query, done: core::cell::Cell::new(false) })
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        if !self.done.get() {
            let mut inner = self.stack.borrow();
            inner.sockets.get_mut::<Socket<'static>>(self.resolver).cancel_query(self.query);
        }
    }
}

impl Inner {
    /// The socket that asks, with the name servers of now.
    fn resolver(&mut self) -> SocketHandle {
        let servers: Vec<IpAddress> =
            self.addresses.dns.iter().map(|&server| server.into()).collect();
        let sockets = &mut self.sockets;
        let resolver =
            *self.resolver.get_or_insert_with(|| sockets.add(Socket::new(&[], Vec::new())));
        sockets.get_mut::<Socket<'static>>(resolver).update_servers(&servers);
        resolver
    }
}
