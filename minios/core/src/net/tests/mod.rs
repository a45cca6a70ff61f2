// SPDX-License-Identifier: MIT OR Apache-2.0
mod announcement;
mod config;
mod dns;
mod listener;
mod pair;
mod ping;
mod tcp;
mod udp;
