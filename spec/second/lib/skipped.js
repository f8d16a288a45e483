// A store of keys put aside, and the chain they come from
// (spec/ratchet.md#skipped-keys). Both ratchets have one of each.
import { skip } from './faults.js';
import { HMAC } from './crypto.js';
import { u8 } from './bytes.js';

const MAX_STORED = 2000;

/** The key of the next message of a chain, and the chain after it. */
export function step(chain) {
  const next = { id: chain.id, key: HMAC(chain.key, u8(2)), n: chain.n + 1 };
  return [HMAC(chain.key, u8(1)), next];
}

/** Puts the keys of a chain below n aside; returns the chain at n. */
export function putAside(store, chain, n, limit) {
  if (n - chain.n > limit) throw skip();
  while (chain.n < n) {
    const [key, next] = step(chain);
    add(store, chain.id, chain.n, key);
    chain = next;
  }
  return chain;
}

/**
 * The key of message n of chain id, where `chain` is the current one, or null
 * if it is gone; and the current chain as it is after that. Changes `store`.
 */
export function keyOf(store, chain, id, n, limit) {
  if (id !== chain.id || n < chain.n) return [takeAside(store, id, n), chain];
  return step(putAside(store, chain, n, limit));
}

// A store is a Map from "id:n". Chains are put aside one after the other and
// upwards, so the order of insertion is the order of age and of the encoding.
const name = (id, n) => `${id}:${n}`;

function add(store, id, n, key) {
  if (store.size >= MAX_STORED) store.delete(store.keys().next().value);
  store.set(name(id, n), { id, n, key });
}

function takeAside(store, id, n) {
  const found = store.get(name(id, n));
  store.delete(name(id, n));
  return found ? found.key : null;
}

export const holds = (store, id) => [...store.values()].some((k) => k.id === id);

export function dropChain(store, id) {
  for (const k of [...store.values()]) if (k.id === id) store.delete(name(k.id, k.n));
}
