/** What a session makes of places in streams: joins and resumes since one, reads, repeats. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GatewayError } from '../../../../gateway/errors.ts';
import type { History } from '../../../../gateway/router/stream-ports.ts';
import { failedAck, nativeAck, nativeFixture, placeAt, retained } from './native-fixtures.ts';
import { settled } from './session-fixtures.ts';

const since = placeAt(3);
const join = (ackId: number, place?: object): object => ({
  kind: 'joinGroup',
  group: 'g',
  ackId,
  ...(place && { since: place }),
});
const resume = { kind: 'resume', to: 'user', since, ackId: 1 };
const history: History = {
  messages: [retained(4, 'four'), retained(5, 'five')],
  isComplete: true,
  hasMore: false,
  next: undefined,
  position: placeAt(5),
};
const readGroup = { kind: 'history', to: { kind: 'group', name: 'g' }, limit: 10, reverse: false };

describe('session: joins since a place', () => {
  for (const recovered of [true, false]) {
    test(`joinGroup: acknowledged before the messages, recovered ${recovered}`, async () => {
      const fixture = await nativeFixture().open();
      const position = placeAt(recovered ? 3 : 9);
      fixture.subscribers.joined = { position, recovered };
      fixture.subscribers.onJoinedReturn = () =>
        fixture.session.onGap({
          kind: 'gap',
          to: { kind: 'group', name: 'g' },
          reason: 'slow',
        });
      const answers = await fixture.ask(join(1, since));
      assert.deepEqual(answers[0], nativeAck(1, { position, recovered }));
      assert.equal(answers.length, 2, 'and once only');
      assert.deepEqual(fixture.subscribers.log.slice(2), ['join g since 3']);
    });
  }

  test('joinGroup of a stream: who asked for nothing missed is not told of recovery', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joined = { position: placeAt(8), recovered: true };
    assert.deepEqual(await fixture.ask(join(1)), [nativeAck(1, { position: placeAt(8) })]);
  });

  test('joinGroup of no stream: succeeds, and only who asked since a place is told', async () => {
    const fixture = await nativeFixture().open();
    assert.deepEqual(await fixture.ask(join(1), join(2, since)), [
      nativeAck(1),
      nativeAck(2, { recovered: false }),
    ]);
  });

  test('joinGroup since a place: a failure is the ack', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joinError = new GatewayError('backplane-unavailable', 'down');
    assert.deepEqual(await fixture.ask(join(1, since)), [
      failedAck(1, 'InternalServerError', 'down'),
    ]);
  });

  test('a join that fails after its ack: is not acknowledged again, and not swallowed', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joined = { position: placeAt(3), recovered: true };
    const faults = [new GatewayError('backplane-unavailable', 'down'), new Error('a bug')];
    for (const [index, fault] of faults.entries()) {
      fixture.subscribers.onJoinedReturn = () => {
        throw fault;
      };
      const answers = await fixture.ask(join(index + 1, since));
      assert.deepEqual(answers, [nativeAck(index + 1, fixture.subscribers.joined)]);
    }
    assert.equal(fixture.counters.silentFailures, 1);
    assert.deepEqual(fixture.errors, [faults[1]]);
  });

  test('two joins of a group in flight: each has its own ack, in the order of the frames', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joining.isClosed = true;
    fixture.say(join(1, placeAt(3)));
    fixture.say(join(2, placeAt(6)));
    await settled();
    assert.equal(fixture.subscribers.joining.gates.length, 1, 'the second has not begun');
    fixture.subscribers.joined = { position: placeAt(3), recovered: true };
    fixture.subscribers.joining.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames, [nativeAck(1, fixture.subscribers.joined)]);
    fixture.subscribers.joined = { position: placeAt(9), recovered: false };
    fixture.subscribers.joining.gates[1]?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames[1], nativeAck(2, fixture.subscribers.joined));
    assert.deepEqual(fixture.subscribers.log.slice(2), ['join g since 3', 'join g since 6']);
  });

  test('leave while a join since a place runs: comes after it', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joining.isClosed = true;
    fixture.subscribers.joined = { position: placeAt(3), recovered: true };
    fixture.say(join(1, since));
    fixture.say({ kind: 'leaveGroup', group: 'g', ackId: 2 });
    await settled();
    assert.deepEqual(fixture.socket.frames, []);
    fixture.subscribers.joining.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.subscribers.log.slice(2), ['join g since 3', 'leave g']);
    assert.deepEqual(fixture.socket.frames, [
      nativeAck(1, fixture.subscribers.joined),
      nativeAck(2),
    ]);
  });

  test('close while a join since a place runs: nothing is said any more', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joining.isClosed = true;
    fixture.subscribers.joined = { position: placeAt(3), recovered: true };
    fixture.say(join(1, since));
    fixture.session.close(1001, 'bye');
    const { length } = fixture.socket.frames;
    // As if the socket still took something: it is the session that is silent.
    fixture.socket.isOpen = true;
    fixture.subscribers.joining.gates[0]?.open();
    fixture.session.onGap({ kind: 'gap', to: undefined, reason: 'backplane' });
    fixture.session.onBookmark({ kind: 'all' }, placeAt(4));
    await settled();
    assert.equal(fixture.subscribers.log.at(-1), 'join g since 3');
    assert.equal(fixture.socket.frames.length, length);
  });
});

describe('session: resume', () => {
  test('resume: acknowledged before the messages', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joined = { position: since, recovered: true };
    assert.deepEqual(await fixture.ask(resume, { ...resume, to: 'all', ackId: 2 }), [
      nativeAck(1, fixture.subscribers.joined),
      nativeAck(2, fixture.subscribers.joined),
    ]);
    const log = ['resume user since 3', 'resume all since 3'];
    assert.deepEqual(fixture.subscribers.log.slice(2), log);
  });

  test('resume: what is no stream is BadRequest, and so is the user of nobody', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joinError = new GatewayError('not-a-stream', 'It is no stream');
    assert.deepEqual(await fixture.ask(resume), [failedAck(1, 'BadRequest', 'It is no stream')]);
    const nobody = await nativeFixture({ userId: undefined }).open();
    const [answer] = await nobody.ask(resume);
    assert.match(JSON.stringify(answer), /"BadRequest","message":"The connection has no user/);
    assert.deepEqual(nobody.subscribers.log.length, 2);
  });

  test('two resumes of one stream: the second waits for the first', async () => {
    const fixture = await nativeFixture().open();
    fixture.subscribers.joining.isClosed = true;
    fixture.say(resume);
    fixture.say({ ...resume, since: placeAt(5), ackId: 2 });
    fixture.say({ ...resume, to: 'all', ackId: 3 });
    await settled();
    assert.equal(fixture.subscribers.joining.gates.length, 2);
    for (const index of [1, 0, 2]) {
      fixture.subscribers.joining.gates[index]?.open();
      await settled();
    }
    assert.deepEqual(fixture.subscribers.log.slice(2), [
      'resume all since 3',
      'resume user since 3',
      'resume user since 5',
    ]);
  });
});

describe('session: history', () => {
  test('history: is the answer itself, for the reader, within historyLimitMax', async () => {
    const fixture = await nativeFixture({ limits: { historyLimitMax: 20 } }).open();
    fixture.streams.answer = history;
    const asked = { ...readGroup, after: since, before: 9, limit: 21, reverse: true, ackId: 4 };
    const [answer] = await fixture.ask(asked);
    const { messages, ...others } = answer as { readonly messages: readonly unknown[] };
    const { isComplete, hasMore, position } = history;
    const to = { kind: 'group', name: 'g' };
    assert.deepEqual(others, { kind: 'history', ackId: 4, to, isComplete, hasMore, position });
    assert.equal(messages.length, 2);
    const [{ query, ...where } = { query: undefined }] = fixture.streams.queries;
    assert.deepEqual(where, { hub: 'chat', to });
    assert.ok(query !== undefined);
    const { reader, ...rest } = query;
    assert.equal(reader?.connectionId, 'node-1');
    assert.deepEqual(rest, { after: since, before: 9, limit: 20, reverse: true });
  });

  test('history of a group: for members, and for who may join it', async () => {
    const fixture = await nativeFixture({ roles: ['webpubsub.joinLeaveGroup.other'] }).open();
    fixture.streams.answer = history;
    const message =
      "The connection has no permission joinLeaveGroup for group 'g'; its token needs the role webpubsub.joinLeaveGroup or webpubsub.joinLeaveGroup.g";
    assert.deepEqual(await fixture.ask({ ...readGroup, ackId: 1 }), [
      failedAck(1, 'Forbidden', message),
    ]);
    assert.equal(fixture.streams.queries.length, 0);
    const other = { ...readGroup, to: { kind: 'group', name: 'other' }, ackId: 2 };
    await fixture.ask(other);
    fixture.subscribers.groups = ['g'];
    await fixture.ask({ ...readGroup, ackId: 3 });
    assert.equal(fixture.streams.queries.length, 2);
  });

  test("history of one's own user, and of all: needs a user, and no permission", async () => {
    const fixture = await nativeFixture({ roles: [] }).open();
    fixture.streams.answer = history;
    for (const [index, kind] of ['user', 'all'].entries()) {
      await fixture.ask({ ...readGroup, to: { kind }, ackId: index + 1 });
    }
    const asked = fixture.streams.queries.map(({ to }) => to);
    assert.deepEqual(asked, [{ kind: 'user', name: 'anna' }, { kind: 'all' }]);
    const nobody = await nativeFixture({ userId: undefined }).open();
    const [answer] = await nobody.ask({ ...readGroup, to: { kind: 'user' }, ackId: 1 });
    assert.match(JSON.stringify(answer), /"BadRequest"/);
    assert.equal(nobody.streams.queries.length, 0);
  });

  for (const [code, name] of [
    ['not-a-stream', 'BadRequest'],
    ['position-diverged', 'NotFound'],
    ['backplane-unavailable', 'InternalServerError'],
  ] as const) {
    test(`history: ${code} is a failed ack with the name ${name}`, async () => {
      const fixture = await nativeFixture().open();
      fixture.streams.answer = new GatewayError(code, 'why');
      const answers = await fixture.ask({ ...readGroup, ackId: 1 });
      assert.deepEqual(answers, [failedAck(1, name, 'why')]);
    });
  }

  test('history: may be read again with the same ackId; repeats meanwhile share the answer', async () => {
    const fixture = await nativeFixture().open();
    fixture.streams.answer = history;
    fixture.streams.reading.isClosed = true;
    const read = { ...readGroup, ackId: 1 };
    assert.deepEqual(await fixture.ask(read, read), []);
    fixture.streams.reading.gates[0]?.open();
    await settled();
    assert.equal(fixture.socket.frames.length, 1);
    fixture.streams.reading.isClosed = false;
    assert.equal((await fixture.ask(read)).length, 1);
    assert.equal(fixture.streams.queries.length, 2);
  });

  test('history: counts among the operations that pendingAcksMax bounds', async () => {
    const fixture = await nativeFixture({ limits: { pendingAcksMax: 1 } }).open();
    fixture.streams.reading.isClosed = true;
    const [answer] = await fixture.ask({ ...readGroup, ackId: 1 }, { ...readGroup, ackId: 2 });
    assert.match(JSON.stringify(answer), /"ackId":2,.*pendingAcksMax/);
  });

  test('history: one at a time, and the next when the client has taken the last', async () => {
    const fixture = await nativeFixture().open();
    const { queries, reading } = fixture.streams;
    fixture.streams.answer = history;
    reading.isClosed = true;
    for (const ackId of [1, 2, 3, 4]) fixture.say({ ...readGroup, ackId });
    await settled();
    assert.equal(queries.length, 1);
    fixture.socket.buffered = 10;
    reading.gates[0]?.open();
    await settled();
    assert.equal(fixture.socket.frames.length, 1);
    fixture.session.onDrain();
    await settled();
    assert.equal(queries.length, 1, 'something is still in the buffer');
    fixture.socket.buffered = 0;
    fixture.session.onDrain();
    await settled();
    assert.equal(queries.length, 2);
    reading.gates[1]?.fail(new GatewayError('backplane-unavailable', 'down'));
    await settled();
    assert.deepEqual(fixture.socket.frames[1], failedAck(2, 'InternalServerError', 'down'));
    assert.equal(queries.length, 3, 'a failure does not hold up the next');
    fixture.session.close(1001, 'bye');
    reading.gates[2]?.open();
    await settled();
    assert.equal(queries.length, 3, 'after the close nothing is read');
  });

  test('close during a history: nothing is said any more', async () => {
    const fixture = await nativeFixture().open();
    fixture.streams.answer = history;
    fixture.streams.reading.isClosed = true;
    fixture.say({ ...readGroup, ackId: 1 });
    fixture.session.onClose();
    fixture.streams.reading.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.socket.frames, []);
    assert.deepEqual(fixture.errors, []);
  });

  test('history: what does not fit into one frame is left for the next request', async () => {
    const fixture = await nativeFixture({ limits: { frameBytesMax: 1024 } }).open();
    const counts: number[] = [];
    for (const [bytes, count] of [
      [200, 10],
      [1, 100],
      [5000, 3],
    ] as const) {
      const messages = Array.from({ length: count }, (_, at) => retained(at, 'x'.repeat(bytes)));
      fixture.streams.answer = { ...history, messages };
      const [answer] = await fixture.ask({ ...readGroup, ackId: counts.length + 1 });
      const given = answer as { readonly messages: readonly unknown[]; readonly hasMore: boolean };
      assert.equal(given.hasMore, true);
      counts.push(given.messages.length);
      if (bytes < 1024) assert.ok(JSON.stringify(answer).length <= 1024);
    }
    assert.equal(counts[2], 1, 'one is always given');
    assert.ok(counts.every((count) => count >= 1));
  });
});

describe('session: publications with an id', () => {
  const send = (ackId: number, id: string): object => ({
    kind: 'sendToGroup',
    group: 'g',
    data: 'x',
    noEcho: false,
    id,
    ackId,
  });

  test('sendToGroup with an id: published under one of its user, which the ack says', async () => {
    const fixture = await nativeFixture().open();
    fixture.publisher.outcome = { position: placeAt(4), isDuplicate: false };
    const [answer] = await fixture.ask(send(1, 'mine'));
    const id = fixture.publisher.publications[0]?.id;
    assert.match(id ?? '', /^c\.[\w-]{22}$/);
    assert.deepEqual(answer, nativeAck(1, { id, position: placeAt(4) }));
    fixture.publisher.outcome = { position: placeAt(4), isDuplicate: true };
    assert.deepEqual(await fixture.ask(send(2, 'mine')), [
      nativeAck(2, { id, position: placeAt(4) }),
    ]);
    assert.equal(fixture.publisher.publications[1]?.id, id, 'a repeat is no error');
  });

  test('sendToGroup with an id: an empty or a longer one is BadRequest', async () => {
    const fixture = await nativeFixture().open();
    const answers = await fixture.ask(
      send(1, ''),
      send(2, 'x'.repeat(129)),
      send(3, 'x'.repeat(128)),
    );
    assert.match(JSON.stringify(answers[0]), /"BadRequest".*1\.\.128 characters, got 0;/);
    assert.match(JSON.stringify(answers[1]), /"BadRequest".*1\.\.128 characters, got 129;/);
    assert.equal(fixture.publisher.publications.length, 1);
  });
});
