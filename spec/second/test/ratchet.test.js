// Every value of spec/vectors/ratchet.json: the erasure code, and a conversation.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concat, hex, unhex, zeros } from '../lib/bytes.js';
import { piece, restore } from '../lib/erasure.js';
import { Fault } from '../lib/faults.js';
import { accept, initiate, respond } from '../lib/handshake.js';
import { laneEpoch, open, seal, sealControl } from '../lib/session.js';
import { encodeState } from '../lib/state.js';
import { drawing, sides, vector } from '../cases.js';

const v = vector('ratchet');

test('erasure code: pieces, and the object from any three', () => {
  for (const c of v.erasure_code) {
    const object = unhex(c.object);
    const pieces = Object.entries(c.pieces).map(([idx, chunk]) => ({ idx: Number(idx), chunk: unhex(chunk) }));
    for (const p of pieces) assert.equal(hex(piece(object, p.idx)), hex(p.chunk));
    const padded = hex(concat(object, zeros(1200 - object.length)));
    for (const a of pieces) for (const b of pieces) for (const d of pieces) {
      if (a.idx < b.idx && b.idx < d.idx) assert.equal(hex(restore([b, d, a])), padded);
    }
  }
});

/** Both sessions after the handshake's message. */
function begin() {
  const [c] = vector('handshake');
  const s = sides(c);
  const draw = drawing(c.draws, c.seal_draws);
  const a = seal(initiate(draw, s.a, s.bPublic, s.options), draw, unhex(c.content)).session;
  const b = accept(respond(s.b, s.prekeys, unhex(c.envelope)), s.aPublic).session;
  return { a, b };
}

function compareStart(s, want) {
  // A has made its sending turn and B its receiving turn: what came next is in use.
  const first = { NHKs: s.initiator ? s.hks : s.nhks, NHKr: s.initiator ? s.nhkr : s.hkr, pqrk_0: s.lane.root,
    pq_send_chain: s.lane.send.key, pq_recv_chain: s.lane.recv.key };
  assert.deepEqual(Object.fromEntries(Object.entries(first).map(([name, b]) => [name, hex(b)])), want);
}

function compareHeader(h, want) {
  const ours = { dh: hex(h.dh), pn: h.pn, n: h.n, pq_epoch: h.pqEpoch, pq_idx: h.pqIdx, pq_pn: h.pqPn, kind: h.piece.kind,
    chunk_idx: h.piece.idx, chunk_epoch: h.piece.epoch, flags: h.flags, tag: hex(h.piece.tag) };
  assert.deepEqual(ours, want);
}

function doSeal(session, step, sent) {
  const draw = drawing(step.draws);
  const made = step.do === 'seal' ? seal(session, draw, unhex(step.content)) : sealControl(session, draw);
  assert.equal(draw.left(), 0);
  compareHeader(made.header, step.header);
  for (const name of ['dmk', 'pmk', 'mk', 'receipt', 'envelope']) assert.equal(hex(made[name]), step[name], name);
  sent[step.number] = made.envelope;
  return made.session;
}

function doOpen(session, step, sent) {
  if (step.error) {
    assert.throws(() => open(session, sent[step.number]), (e) => e instanceof Fault && e.kind === step.error);
    return session;
  }
  const got = open(session, sent[step.number]);
  assert.equal(hex(got.receipt), step.receipt);
  assert.equal(hex(got.content), step.content ?? '');
  assert.equal(got.control, step.content === undefined);
  return got.session;
}

test('conversation', () => {
  const state = begin();
  const sent = {};
  compareStart(state.a, v.start.a);
  compareStart(state.b, v.start.b);
  v.steps.forEach((step, i) => {
    const act = step.do === 'open' ? doOpen : doSeal;
    const s = state[step.side] = act(state[step.side], step, sent);
    const ours = { epoch: laneEpoch(s), rk: hex(s.rk), pqrk: hex(s.lane.root) };
    assert.deepEqual(ours, { epoch: step.epoch, rk: step.rk, pqrk: step.pqrk }, `step ${i}`);
    if (step.xk) assert.equal(hex(s.xks.at(-1).key), step.xk);
  });
  assert.equal(hex(encodeState(state.a)), v.end.a);
  assert.equal(hex(encodeState(state.b)), v.end.b);
});
