// The primitives under the names that spec/handshake.md#notation gives them.
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { ml_kem1024, ml_kem768 } from '@noble/post-quantum/ml-kem.js';
import { allZero, ascii, concat, u16 } from './bytes.js';

export const L = (x) => ascii(`p2pmsg/1/${x}`);
export const H = (...parts) => sha256(concat(...parts));
export const HMAC = (k, m) => hmac(sha256, k, m);

export function KDF(salt, ikm, x, ctx, n) {
  const label = L(x);
  return hkdf(sha256, ikm, salt, concat(u16(label.length), label, ctx), n);
}

export const seal = (k, nonce, p, ad) => xchacha20poly1305(k, nonce, ad).encrypt(p);

/** The plaintext, or null: trying a key that does not fit is no fault. */
export function unseal(k, nonce, c, ad) {
  try {
    return xchacha20poly1305(k, nonce, ad).decrypt(c);
  } catch {
    return null;
  }
}

export const publicKey = (s) => x25519.getPublicKey(s);

export function X(s, P) {
  const out = x25519.getSharedSecret(s, P);
  if (allZero(out)) throw new Error('X25519 of a point of low order');
  return out;
}

/** ML-KEM over seeds: an expanded key is made for one use and dropped. */
function kem(alg, ekLength, ctLength) {
  return {
    ekLength,
    ctLength,
    encapsulationKey: (seed) => alg.keygen(seed).publicKey,
    encaps(ek, m) {
      if (!canonical(ek, ekLength)) throw new Error('encapsulation key fails its check');
      const { sharedSecret, cipherText } = alg.encapsulate(ek, m);
      return [sharedSecret, cipherText];
    },
    decaps: (seed, ct) => alg.decapsulate(ct, alg.keygen(seed).secretKey),
    canonical: (ek) => canonical(ek, ekLength),
  };
}

export const KEM768 = kem(ml_kem768, 1184, 1088);
export const KEM1024 = kem(ml_kem1024, 1568, 1568);

/** FIPS 203, 7.2: each 12-bit coefficient of the key is below q = 3329. */
function canonical(ek, length) {
  if (ek.length !== length) return false;
  for (let i = 0; i < length - 32; i += 3) {
    const low = ek[i] | ((ek[i + 1] & 15) << 8);
    const high = (ek[i + 1] >> 4) | (ek[i + 2] << 4);
    if (low >= 3329 || high >= 3329) return false;
  }
  return true;
}
