// Reads the vectors: hex becomes bytes, and lists of draws become draw(n).
import { readFileSync } from 'node:fs';
import { unhex, zeros } from './lib/bytes.js';
import { KEM1024, KEM768, publicKey } from './lib/crypto.js';

export const vector = (name) => JSON.parse(readFileSync(new URL(`../vectors/${name}.json`, import.meta.url)));

/** A draw(n) that gives what a vector lists, and must be used up: see draw.left. */
export function drawing(...lists) {
  const list = lists.flat().map(unhex);
  const draw = (n) => {
    const b = list.shift();
    if (b?.length !== n) throw new Error(`drew ${n} bytes, the vector has ${b?.length}`);
    return b;
  };
  draw.left = () => list.length;
  return draw;
}

const device = (d) => ({
  account: unhex(d.account), device: unhex(d.device), certHash: unhex(d.cert_hash), manifestHash: unhex(d.manifest_hash),
});

const secrets = (d) => ({ ...device(d), dik: unhex(d.dik_secret), dkemSeed: unhex(d.dkem_seed) });

const publics = (d) => ({
  ...device(d), dik: publicKey(unhex(d.dik_secret)), dkem: KEM768.encapsulationKey(unhex(d.dkem_seed)),
});

/** Both sides of a case of handshake.json. */
export function sides(c) {
  const k = c.prekeys;
  const spk = unhex(k.spk_secret);
  const hasOpk = k.opk_id !== undefined;
  const opk = hasOpk ? { x: unhex(k.opk_secret), kemSeed: unhex(k.pqopk_seed) } : null;
  return {
    a: { ...secrets(c.initiator), identity: unhex(c.identity) },
    aPublic: publics(c.initiator),
    b: secrets(c.responder),
    bPublic: { ...publics(c.responder), spkId: k.spk_id, spk: publicKey(spk), bundleHash: unhex(k.bundle_hash),
      pqspk: KEM1024.encapsulationKey(unhex(k.pqspk_seed)),
      opk: opk && { id: k.opk_id, x: publicKey(opk.x), kem: KEM1024.encapsulationKey(opk.kemSeed) } },
    prekeys: { spk, pqspkSeed: unhex(k.pqspk_seed), bundleHash: unhex(k.bundle_hash), opk },
    pskKey: c.psk ? unhex(c.psk) : null,
    options: { work: c.work_bits, token: unhex(c.token), psk: pskOf(c) },
  };
}

const pskOf = (c) => ({
  kind: c.psk_kind, key: c.psk && unhex(c.psk),
  session: c.psk_session ? unhex(c.psk_session) : zeros(32), step: c.psk_step ?? 0,
});
