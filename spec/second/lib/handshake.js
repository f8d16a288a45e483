// The handshake of spec/handshake.md. Randomness comes from draw(n), so that
// the vectors can say what is drawn.
import { concat, cut, hex, same, u16, u32, u8, zeros } from './bytes.js';
import { H, KDF, KEM1024, KEM768, L, X, publicKey, seal, unseal } from './crypto.js';
import { SUITE, clearPart, parseInit, prefixId } from './envelope.js';
import { handshake } from './faults.js';
import { PSK_NONE, decodeIdentity, encodeIdentity, noPsk } from './identityblob.js';
import { firstOfInitiator, firstOfResponder, open } from './session.js';

const MAX_WORK = 28;

/** What is public of a handshake, for one certificate and bundle of B. */
export const th0Of = (p, bundleHash, certHash) => H(L('hs-th0'), u16(SUITE), u8(p.opkId === null ? 0 : 1),
  bundleHash, certHash, u32(p.spkId), u32(p.opkId ?? 0), p.ek, p.ctS, p.ctI);

const identityKey = (th0, dh3, ssS) => KDF(th0, concat(dh3, ssS), 'hs-init', zeros(0), 32);

/** Number of leading zero bits of the hashcash of a prefix. */
export function workBits(th0, work) {
  const h = H(L('hs-work'), th0, work);
  const i = h.findIndex((byte) => byte !== 0);
  return i < 0 ? 256 : i * 8 + Math.clz32(h[i]) - 24;
}

function findWork(th0, bits) {
  if (bits > MAX_WORK) throw handshake('too much work');
  for (let i = 0; ; i++) {
    const work = concat(u32(Math.floor(i / 2 ** 32)), u32(i));
    if (bits === 0 || workBits(th0, work) >= bits) return work;
  }
}

/** Everything of the key schedule, by the names of the document. */
function schedule(s) {
  const who = (d, manifest) => concat(d.account, d.device, d.certHash, manifest);
  const th1 = H(L('hs-th1'), s.th0, who(s.a, s.a.manifestHash), who(s.b, s.manifestB),
    u8(s.psk.kind), s.psk.session, u32(s.psk.step), H(L('hs-sealed'), s.sealed));
  const psk = s.psk.kind === PSK_NONE ? zeros(32) : s.psk.key;
  const ikm = concat(zeros(32).fill(0xff), s.dh3, s.ssS, s.dh4, s.dh1, s.dh2, s.ssI, psk);
  const [rk0, hka, nhkb, pqk0, tk] = cut(KDF(zeros(32), ikm, 'hs-keys', th1, 160), 32, 32, 32, 32, 32);
  return { th1, sid: KDF(zeros(32), ikm, 'hs-sid', th1, 32), rk0, hka, nhkb, pqk0, tk };
}

/**
 * A starts a session to B. `a` has secrets, `b` has B's published keys with
 * `spkId`, `spk`, `pqspk`, and `opk` {id, x, kem} or null. `watch` is shown
 * each derived value.
 */
export function initiate(draw, a, b, opt = {}, watch = () => {}) {
  if (same(a.device, b.device)) throw handshake('session with itself');
  const psk = opt.psk ?? noPsk();
  const ekSecret = draw(32);
  const ek = publicKey(ekSecret);
  const dh1 = X(a.dik, b.spk);
  const dh2 = X(ekSecret, b.dik);
  const dh3 = X(ekSecret, b.spk);
  const dh4 = b.opk ? X(ekSecret, b.opk.x) : zeros(32);
  const [ssS, ctS] = KEM1024.encaps(b.opk ? b.opk.kem : b.pqspk, draw(32));
  const [ssI, ctI] = KEM768.encaps(b.dkem, draw(32));
  const p = { spkId: b.spkId, opkId: b.opk ? b.opk.id : null, ek, ctS, ctI };
  const th0 = th0Of(p, b.bundleHash, b.certHash);
  p.work = findWork(th0, opt.work ?? 0);
  const k0 = identityKey(th0, dh3, ssS);
  const plain = encodeIdentity({ psk, manifest: b.manifestHash, token: opt.token ?? zeros(0), identity: a.identity });
  const nonce = draw(24);
  const sealed = concat(nonce, seal(k0, nonce, plain, th0));
  const keys = schedule({ th0, a, b, manifestB: b.manifestHash, psk, sealed, dh1, dh2, dh3, dh4, ssS, ssI });
  const id = prefixId(ek, ctS);
  watch({ ek, dh1, dh2, dh3, dh4, ssS, ssI, th0, work: p.work, k0, plain, prefixId: id, ...keys });
  const prefix = concat(clearPart(p), u16(sealed.length), sealed);
  return firstOfInitiator({ ...keys, prefix, prefixId: id, own: a.device, peer: b.device, spk: b.spk, seed: a.dkemSeed });
}

/** Whatever goes wrong with a stranger's envelope is one and the same fault. */
function alike(fn) {
  try {
    return fn();
  } catch (e) {
    throw handshake(e.message);
  }
}

/**
 * B opens the identity of A; nothing of it is verified yet. `keys` has
 * `spk`, `pqspkSeed`, `bundleHash`, and `opk` {x, kemSeed} or null.
 */
export const respond = (b, keys, env) => alike(() => {
  const p = parseInit(env);
  if ((p.opkId !== null) !== Boolean(keys.opk)) throw handshake('one-time prekey');
  const dh3 = X(keys.spk, p.ek);
  const ssS = KEM1024.decaps(keys.opk ? keys.opk.kemSeed : keys.pqspkSeed, p.ctS);
  const th0 = th0Of(p, keys.bundleHash, b.certHash);
  const k0 = identityKey(th0, dh3, ssS);
  const plain = unseal(k0, p.sealed.slice(0, 24), p.sealed.slice(24), th0);
  if (!plain) throw handshake('identity does not open');
  return { b, keys, env, p, dh3, ssS, th0, ...decodeIdentity(plain) };
});

/** B completes the handshake with A as verified by the caller, who also found the pre-shared key. */
export const accept = (pending, a, pskKey = null, watch = () => {}) => alike(() => {
  const { b, keys, p, dh3, ssS, th0, manifest } = pending;
  if (same(a.device, b.device)) throw handshake('session with itself');
  if ((pending.psk.kind !== PSK_NONE) !== Boolean(pskKey)) throw handshake('pre-shared key');
  const dh1 = X(keys.spk, a.dik);
  const dh2 = X(b.dik, p.ek);
  const dh4 = keys.opk ? X(keys.opk.x, p.ek) : zeros(32);
  const ssI = KEM768.decaps(b.dkemSeed, p.ctI);
  const derived = schedule({ th0, a, b, manifestB: manifest, psk: { ...pending.psk, key: pskKey }, sealed: p.sealed,
    dh1, dh2, dh3, dh4, ssS, ssI });
  watch({ dh1, dh2, dh3, dh4, ssS, ssI, th0, ...derived });
  const first = firstOfResponder({ ...derived, prefixId: p.id, own: b.device, peer: a.device,
    spkSecret: keys.spk, dkem: a.dkem });
  return open(first, pending.env);
});

/** Whether a session is the one to send on, of two that began at once. */
export const wins = (a, b) => rank(a) < rank(b);
const rank = (s) => hex(H(L('hs-winner'), s.sid));
