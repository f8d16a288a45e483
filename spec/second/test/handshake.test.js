// Every value of spec/vectors/handshake.json, from both sides.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex, unhex } from '../lib/bytes.js';
import { publicKey } from '../lib/crypto.js';
import { parseInit } from '../lib/envelope.js';
import { accept, initiate, respond, th0Of, workBits } from '../lib/handshake.js';
import { seal } from '../lib/session.js';
import { drawing, sides, vector } from '../cases.js';

/** What `watch` is shown, under the names of the vectors. */
const NAMES = { ek: 'ek', dh1: 'dh1', dh2: 'dh2', dh3: 'dh3', dh4: 'dh4', ssS: 'ss_s', ssI: 'ss_i', prefixId: 'prefix_id',
  th0: 'th0', work: 'work', k0: 'k0', plain: 'sealed_plaintext', th1: 'th1', sid: 'sid', rk0: 'rk0', hka: 'hka',
  nhkb: 'nhkb', pqk0: 'pqk0', tk: 'tk' };

const compareWith = (derived) => (shown) => {
  for (const [ours, value] of Object.entries(shown)) assert.equal(hex(value), derived[NAMES[ours]], ours);
};

/** What B does with an envelope, form and hashcash included. */
function receive(c, s, env, watch) {
  const p = parseInit(env);
  const known = p.spkId === c.prekeys.spk_id && (p.opkId === null || p.opkId === c.prekeys.opk_id);
  if (!known) throw new Error('handshake: no such prekey');
  if (workBits(th0Of(p, s.prekeys.bundleHash, s.b.certHash), p.work) < c.work_bits) throw new Error('handshake: work');
  const pending = respond(s.b, s.prekeys, env);
  assert.equal(hex(pending.manifest), c.responder.manifest_hash);
  return { pending, ...accept(pending, s.aPublic, s.pskKey, watch) };
}

for (const c of vector('handshake')) {
  const s = sides(c);

  test(`${c.name}: A makes the envelope`, () => {
    assert.equal(hex(publicKey(s.a.dik)), c.derived.dik_a);
    assert.equal(hex(s.bPublic.dik), c.derived.dik_b);
    assert.equal(hex(s.bPublic.spk), c.derived.spk);
    const draw = drawing(c.draws, c.seal_draws);
    const session = initiate(draw, s.a, s.bPublic, s.options, compareWith(c.derived));
    const first = seal(session, draw, unhex(c.content));
    assert.equal(hex(first.envelope), c.envelope);
    assert.equal(hex(first.receipt), c.receipt);
    assert.equal(draw.left(), 0);
  });

  test(`${c.name}: B opens it`, () => {
    const got = receive(c, s, unhex(c.envelope), compareWith(c.derived));
    assert.equal(hex(got.content), c.content);
    assert.equal(hex(got.receipt), c.receipt);
    assert.equal(hex(got.pending.identity), c.identity);
    assert.equal(hex(got.pending.token), c.token);
  });

  for (const m of c.mutations) {
    test(`${c.name}: ${m.field} changed is refused`, () => {
      const env = unhex(c.envelope);
      env[m.at] ^= m.xor;
      assert.throws(() => receive(c, s, env), { name: 'Error' });
    });
  }
}
