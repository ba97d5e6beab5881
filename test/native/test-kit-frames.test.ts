/** The test kit's gateway says on the wire what a real one says, to the same questions. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { ClientFrame, GatewayFrame, SocketLike } from '../../client-sdk/src/index.ts';
import { waitFor } from '../support/wait.ts';
import { sides, type Side } from './test-kit-sides.ts';

/** What each gateway makes of its own; that it is there is compared, not what it is. */
const own = new Set(['epoch', 'tag', 'id', 'time', 'connectionId', 'heartbeatMs', 'message']);

function comparable(value: unknown, key = ''): unknown {
  if (key === 'tokenExpiresInMs') return typeof value;
  if (own.has(key)) return key;
  if (Array.isArray(value)) return value.map((each) => comparable(each));
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([name, member]) => [name, comparable(member, name)]);
  return Object.fromEntries(members) as unknown;
}

class Talk {
  /** What was said after each question. */
  readonly said: unknown[] = [];
  readonly #frames: GatewayFrame[] = [];
  readonly #socket: SocketLike;
  #taken = 0;
  #asked = 0;

  constructor(socket: SocketLike) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      // What a gateway says is objects of the protocol.
      const frames = String(data)
        .split('\n')
        .map((line) => JSON.parse(line) as GatewayFrame);
      this.#frames.push(...frames.filter(({ type }) => type !== 'heartbeat'));
    });
  }

  /** The next frames; an answer and a message may come in any order. */
  async next(count: number): Promise<readonly GatewayFrame[]> {
    const end = this.#taken + count;
    await waitFor(() => this.#frames.length >= end, { what: `${end} frames have come` });
    const taken = this.#frames.slice(this.#taken, end);
    this.#taken = end;
    taken.sort((a, b) => a.type.localeCompare(b.type));
    this.said.push(comparable(taken));
    return taken;
  }

  ask(frame: ClientFrame, count = 1): Promise<readonly GatewayFrame[]> {
    this.#asked += 1;
    this.#socket.send(JSON.stringify({ ackId: this.#asked, ...frame }));
    return this.next(count);
  }
}

async function transcript(side: Side): Promise<readonly unknown[]> {
  const talk = new Talk(side.socket('anna', { groups: ['room.named', 'plain.named'] }));
  const [greeting] = await talk.next(1);
  const join = { type: 'joinGroup', group: 'room.a' };
  const publish = { type: 'sendToGroup', group: 'room.a' };
  const history = { type: 'history', group: 'room.a' };
  await talk.ask(join);
  await talk.ask({ type: 'joinGroup', group: 'plain' });
  const metadata = { kind: 'note' };
  const first = await talk.ask({ ...publish, id: 'x', data: { a: 1 }, metadata }, 2);
  await talk.ask({ ...publish, id: 'x', data: 'again' });
  await talk.ask({ ...publish, dataType: 'text', data: 'mine', noEcho: true }, 2);
  await talk.ask({ ...publish, dataType: 'binary', data: 'AP8=' }, 2);
  await talk.ask({ type: 'sendToGroup', group: 'plain', data: 1 }, 2);
  await talk.ask({ type: 'sendToGroup', group: 'plain', data: 2, noEcho: true });
  await side.publish('room.a', 'from the server');
  await talk.next(1);
  await side.sendToUser('anna', 'to the user');
  await talk.next(1);
  await side.sendToAll('to all');
  await talk.next(1);
  await talk.ask(history);
  await talk.ask({ ...history, limit: 1 });
  await talk.ask({ ...history, limit: 1, reverse: true });
  await talk.ask({ ...history, before: 2 });
  await talk.ask({ type: 'history', group: 'plain' });
  await talk.ask({ type: 'history', to: 'user' });
  const since = first.find(({ type }) => type === 'ack')?.position;
  await talk.ask({ ...history, after: since });
  await talk.ask({ ...history, after: { epoch: 'another', offset: 1, tag: 1 } });
  await talk.ask({ ...join, since }, 4);
  await talk.ask({ ...join, since: { epoch: 'another', offset: 1, tag: 1 } });
  await talk.ask({ type: 'joinGroup', group: 'plain', since });
  const mine = greeting?.streams?.find(({ to }) => to === 'user')?.position;
  await talk.ask({ type: 'resume', to: 'user', since: mine }, 2);
  await talk.ask({ type: 'resume', to: 'all', since: mine });
  await talk.ask({ type: 'leaveGroup', group: 'room.a' });
  await talk.ask({ ...publish, data: 'not a member' });
  await talk.ask({ type: 'event', event: 'e', data: 1 });
  await talk.ask({ type: 'invoke', invocationId: 'i', event: 'e', data: 1, ackId: undefined });
  await talk.ask({ type: 'refreshToken', token: 'none' });
  await talk.ask({ type: 'refreshToken', token: side.token('ben') });
  await talk.ask({ type: 'refreshToken', token: side.token('anna', { roles: [] }) });
  await talk.ask(join);
  await talk.ask({ ...history });
  await talk.ask({ ...publish, data: 1 });
  await talk.ask({ type: 'ping', ackId: undefined });
  return talk.said;
}

describe('test kit: frames', () => {
  test('test kit: what a gateway says is what the test kit says', async (t: TestContext) => {
    const [kit, gateway] = await Promise.all(
      Object.values(sides).map(async (start) => transcript(await start(t))),
    );
    assert.ok(kit !== undefined && kit.length > 35);
    assert.deepEqual(kit, gateway);
  });
});
