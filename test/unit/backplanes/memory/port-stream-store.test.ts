/** What the suite of all stores cannot see: slow and dead ends of a link, and its batches. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { MemoryStreamBroker } from '../../../../backplanes/memory/memory-stream-broker.ts';
import { PortStreamBroker } from '../../../../backplanes/memory/port-stream-broker.ts';
import {
  PortStreamStore,
  type PortStreamStoreOptions,
} from '../../../../backplanes/memory/port-stream-store.ts';
import type {
  ParentStreamPort,
  StreamAnswerBatch,
  StreamRequestBatch,
  WorkerStreamPort,
} from '../../../../backplanes/memory/port-streams.ts';
import type { StreamRef } from '../../../../backplanes/stream-store.ts';
import { waitFor } from '../../../support/wait.ts';

const stream: StreamRef = {
  key: 'g:hub:one',
  retention: { name: 'any', messagesMax: 1000, ageMsMax: 60_000, bytesMax: 100_000_000 },
};
const none = new Uint8Array(0);

/** Both ends of a link in one process, which a test can stop and cut. */
class Link {
  readonly requests: StreamRequestBatch[] = [];
  readonly answers: StreamAnswerBatch[] = [];
  /** True: what the worker sends does not arrive yet. */
  isHeld = false;
  /** True: the system does not take what the parent sends. */
  isStuck = false;
  readonly #waiting: (() => void)[] = [];
  readonly #onClose: (() => void)[] = [];
  #toWorker: (message: StreamAnswerBatch) => void = () => undefined;
  #toParent: (message: StreamRequestBatch) => void = () => undefined;
  readonly worker: WorkerStreamPort = {
    post: (message, onTaken) => {
      this.requests.push(message);
      this.#pass(() => this.#toParent(message), this.isHeld);
      setImmediate(onTaken);
    },
    onMessage: (listener) => {
      this.#toWorker = listener;
    },
    onClose: (listener) => void this.#onClose.push(listener),
  };
  readonly parent: ParentStreamPort = {
    post: (message, onTaken) => {
      this.answers.push(message);
      const deliver = (): void => {
        this.#toWorker(message);
        onTaken();
      };
      this.#pass(deliver, this.isStuck);
    },
    onMessage: (listener) => {
      this.#toParent = listener;
    },
    onClose: (listener) => void this.#onClose.push(listener),
  };

  /** Everything that waits goes on its way. */
  release(): void {
    this.isHeld = false;
    this.isStuck = false;
    for (const deliver of this.#waiting.splice(0)) deliver();
  }

  close(): void {
    for (const listener of this.#onClose) listener();
  }

  #pass(deliver: () => void, waits: boolean): void {
    if (waits) this.#waiting.push(deliver);
    else setImmediate(deliver);
  }
}

interface Worker {
  readonly store: PortStreamStore;
  readonly link: Link;
  readonly streams: MemoryStreamBroker;
}

async function startWorker(
  options: Partial<PortStreamStoreOptions> = {},
  answerBytesMax = 1_000_000,
): Promise<Worker> {
  const link = new Link();
  const streams = new MemoryStreamBroker(() => undefined);
  new PortStreamBroker(streams, { answerBytesMax }).attach(link.parent);
  const store = new PortStreamStore({ port: link.worker, publishesLive: true, ...options });
  await store.start();
  return { store, link, streams };
}

describe('port stream store', () => {
  test('port streams: what is asked in one turn is one batch, and so are the answers', async () => {
    const { link, store } = await startWorker();
    await Promise.all([
      store.append(stream, Buffer.from('x'), '1'),
      store.append(stream, none, '2'),
      store.tops([stream]),
    ]);
    assert.deepEqual([link.requests.length, link.answers.length], [2, 2]);
    await store.close();
  });

  test('port streams: an append without an answer in time is unknown, a read is not', async () => {
    const { link, store } = await startWorker({ answerTimeoutMs: 40 });
    link.isHeld = true;
    const append = store.append(stream, Buffer.from('x'), 'the id');
    const read = store.tops([stream]);
    const message = 'The parent process of this worker did not answer within 40 ms';
    await assert.rejects(append, { name: 'PublishOutcomeUnknownError', message });
    await assert.rejects(read, { name: 'BackplaneUnavailableError', message });
    // The late answers find their places, and the next ones theirs.
    link.release();
    const again = await store.append(stream, Buffer.from('x'), 'the id');
    assert.deepEqual([again.isDuplicate, again.position.offset], [true, 1]);
    await store.close();
  });

  test('port streams: when the parent is gone all fails, and it is not up', async () => {
    const { link, store, streams } = await startWorker();
    link.isHeld = true;
    const sent = store.append(stream, Buffer.from('x'), '1');
    await waitFor(() => link.requests.length === 2, { what: 'the append was sent' });
    const unsent = store.append(stream, Buffer.from('y'), '2');
    // The parent has received it, and has not come to do it.
    link.release();
    link.close();
    await assert.rejects(sent, { name: 'PublishOutcomeUnknownError' });
    await assert.rejects(unsent, { name: 'BackplaneUnavailableError' });
    await assert.rejects(store.tops([stream]), {
      name: 'BackplaneUnavailableError',
      message: 'The parent process of this worker is gone',
    });
    assert.equal(store.isUp(), false);
    await turnOfTheLoop();
    assert.equal(streams.size, 0);
  });

  test('port streams: beyond its bounds a request is refused, and later ones are not', async () => {
    const { link, store } = await startWorker({ requestsMax: 3 });
    link.isHeld = true;
    const waiting = ['1', '2', '3'].map((id) => store.append(stream, none, id));
    await assert.rejects(store.append(stream, none, '4'), {
      name: 'BackplaneUnavailableError',
      message: '3 requests wait for the parent process of this worker; try again',
    });
    await waitFor(() => link.requests.length === 2, { what: 'the appends were sent' });
    link.release();
    await Promise.all(waiting);
    assert.equal((await store.append(stream, none, '4')).position.offset, 4);
    await store.close();
  });

  test('port streams: so is one beyond the bound of bytes', async () => {
    const { link, store } = await startWorker({ requestBytesMax: 100 });
    link.isHeld = true;
    const waiting = store.append(stream, new Uint8Array(100), '1');
    await assert.rejects(store.append(stream, none, '2'), { name: 'BackplaneUnavailableError' });
    await waitFor(() => link.requests.length === 2, { what: 'the append was sent' });
    link.release();
    await waiting;
    await store.close();
  });

  test('port streams: the parent does no more for a worker that does not read', async () => {
    const { link, store } = await startWorker({}, 1000);
    const { position } = await store.append(stream, new Uint8Array(600), '1');
    const after = { ...position, offset: 0, tag: 0 };
    link.isStuck = true;
    const reads = Promise.all(
      Array.from({ length: 10 }, () => store.read(stream, { after, upTo: undefined, limit: 10 })),
    );
    await waitFor(() => link.answers.length === 3, { what: 'the first answers are sent' });
    // Two answers are over the bound of bytes; the others wait as requests.
    assert.equal(link.answers.at(-1)?.answers.length, 2);
    link.release();
    const results = await reads;
    assert.deepEqual(
      results.map((result) => result.status === 'read' && result.entries.length),
      results.map(() => 1),
    );
    assert.ok(link.answers.every(({ body }) => body.length < 2000));
    await store.close();
  });

  test('port streams: entries do not hold on to the batch that brought them', async () => {
    const { store } = await startWorker();
    for (const id of ['1', '2', '3']) await store.append(stream, new Uint8Array(5000), id);
    const page = await store.readBack(stream, { before: undefined, limit: 10 });
    assert.equal(page.entries.length, 3);
    for (const { bytes } of page.entries) assert.ok(bytes.buffer.byteLength < 6000);
    await store.close();
  });

  test('port streams: start fails when the parent does not answer', async () => {
    const link = new Link();
    const store = new PortStreamStore({
      port: link.worker,
      publishesLive: true,
      answerTimeoutMs: 20,
    });
    await assert.rejects(store.start(), { name: 'BackplaneUnavailableError' });
    assert.equal(store.isUp(), false);
  });

  test('port streams: what the parent cannot do is refused with its reason', async () => {
    const link = new Link();
    const streams = new MemoryStreamBroker(() => {
      throw new Error('the reason');
    });
    new PortStreamBroker(streams).attach(link.parent);
    const store = new PortStreamStore({ port: link.worker, publishesLive: false });
    await store.start();
    assert.deepEqual([store.traits.publishesLive, store.traits.crossesProcesses], [false, true]);
    await assert.rejects(store.append(stream, none, '1'), {
      name: 'BackplaneUnavailableError',
      message: /cannot do that: Error: the reason/,
    });
    await store.close();
  });
});
