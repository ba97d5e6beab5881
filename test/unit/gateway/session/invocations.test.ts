/** Invocations: one answer each, ids that come back, and the bound. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Payload, Reply } from '../../../../gateway/protocol/model.ts';
import { Invocations } from '../../../../gateway/session/invocations.ts';
import { settled } from './session-fixtures.ts';

class Fixture {
  readonly replies: Reply[] = [];
  readonly answers: ((text: string | undefined) => void)[] = [];
  readonly failures: ((error: Error) => void)[] = [];
  readonly invocations = new Invocations(2, (reply) => this.replies.push(reply));

  run(invocationId: string): void {
    this.invocations.run(
      invocationId,
      () =>
        new Promise<Payload | undefined>((resolve, reject) => {
          this.failures.push(reject);
          this.answers.push((text) => resolve(text === undefined ? undefined : payload(text)));
        }),
    );
  }
}

function payload(text: string): Payload {
  return { dataType: 'text', bytes: Buffer.from(text) };
}

function response(invocationId: string, result: unknown): unknown {
  return { kind: 'invokeResponse', invocationId, result };
}

describe('invocations', () => {
  test('invoke: an answer without content is empty text; a fault tells nothing', async () => {
    const fixture = new Fixture();
    fixture.run('a');
    fixture.run('b');
    fixture.answers[0]?.(undefined);
    fixture.failures[1]?.(new Error('secret'));
    await settled();
    const error = { name: 'InternalServerError', message: 'The gateway failed; try again' };
    assert.deepEqual(fixture.replies, [
      response('a', { dataType: 'text', bytes: new Uint8Array(0) }),
      response('b', error),
    ]);
  });

  test('invoke: an id in use is refused, and free again after the answer', async () => {
    const fixture = new Fixture();
    fixture.run('a');
    fixture.run('a');
    const message = "Invocation 'a' is refused: its id is in use; choose another";
    assert.deepEqual(fixture.replies, [response('a', { name: 'BadRequest', message })]);
    fixture.answers[0]?.('1');
    await settled();
    fixture.run('a');
    fixture.answers[1]?.('2');
    await settled();
    assert.deepEqual(fixture.replies.slice(1), [
      response('a', payload('1')),
      response('a', payload('2')),
    ]);
  });

  test('invoke: the late answer of a cancelled one is not that of its successor', async () => {
    const fixture = new Fixture();
    fixture.run('a');
    fixture.invocations.cancel('a');
    fixture.run('a');
    fixture.answers[0]?.('old');
    await settled();
    assert.deepEqual(fixture.replies, []);
    fixture.answers[1]?.('new');
    await settled();
    assert.deepEqual(fixture.replies, [response('a', payload('new'))]);
  });

  test('invoke: cancelled ones count until the backend is done with them', async () => {
    const fixture = new Fixture();
    for (const id of ['a', 'b']) {
      fixture.run(id);
      fixture.invocations.cancel(id);
    }
    fixture.run('c');
    assert.equal(fixture.answers.length, 2);
    const message =
      "Invocation 'c' is refused: 2 of this connection are waiting, the most that pendingAcksMax allows";
    assert.deepEqual(fixture.replies, [response('c', { name: 'BadRequest', message })]);
    fixture.answers[0]?.('a');
    await settled();
    fixture.run('c');
    assert.equal(fixture.answers.length, 3);
  });
});
