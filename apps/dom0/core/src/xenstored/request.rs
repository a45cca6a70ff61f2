// SPDX-License-Identifier: MIT OR Apache-2.0
//! From the bytes of a request to the bytes of its answer.

use alloc::format;
use alloc::vec::Vec;
use core::str;

use xen_abi::xenstore::{MAX_PAYLOAD, MessageHeader, MessageType};

use super::message;
use super::{ClientId, Error, Operation, Path, Permissions, Target, Tree, Xenstored, operation};
use crate::DomId;

impl Xenstored {
    /// Serves one request of `domid` and returns the whole answer.
    #[must_use]
    pub fn serve(&mut self, domid: DomId, header: &MessageHeader, payload: &[u8]) -> Vec<u8> {
        let request = Request { id: ClientId::Domain(domid), domid, transaction: header.tx_id };
        let answer = match MessageType::try_from(header.kind) {
            Ok(kind) => request.answer(self, kind, payload).map(|answer| (kind, answer)),
            Err(_) => Err(Error::Enosys),
        };
        match answer {
            Ok((kind, answer)) if answer.len() <= MAX_PAYLOAD => {
                message::encode(kind, header, &answer)
            }
            Ok(_) => error(header, Error::E2big),
            Err(refusal) => error(header, refusal),
        }
    }
}

fn error(request: &MessageHeader, error: Error) -> Vec<u8> {
    message::encode(MessageType::Error, request, format!("{error}\0").as_bytes())
}

/// Who asks, and in which transaction.
struct Request {
    id: ClientId,
    domid: DomId,
    transaction: u32,
}

impl Request {
    fn answer(
        &self,
        store: &mut Xenstored,
        kind: MessageType,
        payload: &[u8],
    ) -> Result<Vec<u8>, Error> {
        match kind {
            MessageType::Directory => self.directory(store, payload),
            MessageType::Read => self.read(store, payload),
            MessageType::GetPerms => self.get_permissions(store, payload),
            MessageType::Watch | MessageType::Unwatch => self.watch(store, kind, payload),
            MessageType::TransactionStart => self.begin(store),
            MessageType::TransactionEnd => self.end(store, payload),
            MessageType::GetDomainPath => domain_path(payload),
            MessageType::Write => self.write(store, payload),
            MessageType::Mkdir => self.change(store, Operation::MakeDirectory(self.path(payload)?)),
            MessageType::Rm => self.change(store, Operation::Remove(self.path(payload)?)),
            MessageType::SetPerms => self.set_permissions(store, payload),
            MessageType::ResetWatches => {
                store.reset_watches(self.id);
                Ok(ok())
            }
            MessageType::DirectoryPart => self.directory_part(store, payload),
            MessageType::Control
            | MessageType::Introduce
            | MessageType::Release
            | MessageType::IsDomainIntroduced
            | MessageType::Resume
            | MessageType::SetTarget => Err(Error::Eacces),
            MessageType::WatchEvent
            | MessageType::Error
            | MessageType::GetFeature
            | MessageType::SetFeature
            | MessageType::GetQuota
            | MessageType::SetQuota => Err(Error::Enosys),
        }
    }

    fn directory(&self, store: &mut Xenstored, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let path = self.path(payload)?;
        let tree = store.tree_for(self.id, self.transaction, &path)?;
        Ok(children(operation::readable(tree, self.caller(), &path)?))
    }

    fn directory_part(&self, store: &mut Xenstored, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let (path, offset) = split_two(payload)?;
        let path = Path::parse(text(path)?, self.domid)?;
        let offset: usize = text(offset)?.parse().map_err(|_| Error::Einval)?;
        let tree = store.tree_for(self.id, self.transaction, &path)?;
        let node = operation::readable(tree, self.caller(), &path)?;
        let mut answer = format!("{}\0", node.generation).into_bytes();
        let names = children(node);
        let rest = names.get(offset..).unwrap_or_default();
        let room = MAX_PAYLOAD - answer.len() - 1;
        if rest.len() <= room {
            answer.extend_from_slice(rest);
            answer.push(0);
        } else {
            let piece = &rest[..room];
            let whole = piece.iter().rposition(|&b| b == 0).map_or(0, |at| at + 1);
            answer.extend_from_slice(&piece[..whole]);
        }
        Ok(answer)
    }

    fn read(&self, store: &mut Xenstored, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let path = self.path(payload)?;
        let tree = store.tree_for(self.id, self.transaction, &path)?;
        Ok(operation::readable(tree, self.caller(), &path)?.value.clone())
    }

    fn get_permissions(&self, store: &mut Xenstored, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let path = self.path(payload)?;
        let tree: &Tree = store.tree_for(self.id, self.transaction, &path)?;
        let mut answer = Vec::new();
        operation::readable(tree, self.caller(), &path)?.permissions.encode(&mut answer);
        Ok(answer)
    }

    fn set_permissions(&self, store: &mut Xenstored, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let payload = payload.strip_suffix(&[0]).ok_or(Error::Einval)?;
        let mut fields = text(payload)?.split('\0');
        let path = Path::parse(fields.next().ok_or(Error::Einval)?, self.domid)?;
        self.change(store, Operation::SetPermissions(path, Permissions::parse(fields)?))
    }

    fn write(&self, store: &mut Xenstored, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let end = payload.iter().position(|&b| b == 0).ok_or(Error::Einval)?;
        let (path, value) = payload.split_at(end);
        let path = Path::parse(text(path)?, self.domid)?;
        self.change(store, Operation::Write(path, value[1..].to_vec()))
    }

    fn change(&self, store: &mut Xenstored, operation: Operation) -> Result<Vec<u8>, Error> {
        store.change_in(self.id, self.transaction, operation)?;
        Ok(ok())
    }

    fn watch(
        &self,
        store: &mut Xenstored,
        kind: MessageType,
        payload: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let (path, token) = split_two(payload)?;
        let target = Target::parse(text(path)?, self.domid)?;
        if kind == MessageType::Watch {
            store.watch(self.id, target, token.to_vec())?;
        } else {
            store.unwatch(self.id, &target, token)?;
        }
        Ok(ok())
    }

    fn begin(&self, store: &mut Xenstored) -> Result<Vec<u8>, Error> {
        if self.transaction != 0 {
            return Err(Error::Ebusy);
        }
        Ok(format!("{}\0", store.begin_transaction(self.id)?).into_bytes())
    }

    fn end(&self, store: &mut Xenstored, payload: &[u8]) -> Result<Vec<u8>, Error> {
        let commit = match payload {
            b"T\0" => true,
            b"F\0" => false,
            _ => return Err(Error::Einval),
        };
        store.end_transaction(self.id, self.transaction, commit)?;
        Ok(ok())
    }

    fn path(&self, payload: &[u8]) -> Result<Path, Error> {
        Path::parse(text(single(payload)?)?, self.domid)
    }

    fn caller(&self) -> super::Caller {
        super::Caller { domid: self.domid, privileged: false }
    }
}

fn ok() -> Vec<u8> {
    b"OK\0".to_vec()
}

fn children(node: &super::Node) -> Vec<u8> {
    let mut names = Vec::new();
    for name in node.children.keys() {
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    names
}

fn domain_path(payload: &[u8]) -> Result<Vec<u8>, Error> {
    let domid = text(single(payload)?)?.parse().map_err(|_| Error::Einval)?;
    Ok(format!("{}\0", Path::home(DomId::new(domid))).into_bytes())
}

/// The one field of a payload, without its NUL.
fn single(payload: &[u8]) -> Result<&[u8], Error> {
    let field = payload.strip_suffix(&[0]).ok_or(Error::Einval)?;
    if field.contains(&0) { Err(Error::Einval) } else { Ok(field) }
}

/// The two fields of a payload, without their NULs.
fn split_two(payload: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    let fields = payload.strip_suffix(&[0]).ok_or(Error::Einval)?;
    let mut fields = fields.split(|&b| b == 0);
    match (fields.next(), fields.next(), fields.next()) {
        (Some(first), Some(second), None) => Ok((first, second)),
        _ => Err(Error::Einval),
    }
}

fn text(bytes: &[u8]) -> Result<&str, Error> {
    str::from_utf8(bytes).map_err(|_| Error::Einval)
}
