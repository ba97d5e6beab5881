/** The backend over HTTP, with a gateway that writes down what it is asked. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { startBackend } from '../../../../../examples/chat/server/backend.ts';
import type { GatewayApi } from '../../../../../examples/chat/server/gateway-api.ts';
import type { ChatState, SignedIn } from '../../../../../examples/chat/shared/schema.ts';

class FakeGateway implements GatewayApi {
  readonly calls: unknown[] = [];
  failure: Error | undefined;

  clientToken(person: string, roles: readonly string[]): Promise<string> {
    return Promise.resolve(`${person} ${roles.length > 0}`);
  }

  tellConversation(...call: unknown[]): Promise<void> {
    return this.#note('tellConversation', call);
  }

  tellDevices(...call: unknown[]): Promise<void> {
    return this.#note('tellDevices', call);
  }

  notify(...call: unknown[]): Promise<void> {
    return this.#note('notify', call);
  }

  notifyAll(...call: unknown[]): Promise<void> {
    return this.#note('notifyAll', call);
  }

  #note(name: string, call: readonly unknown[]): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.calls.push([name, ...call]);
    return Promise.resolve();
  }
}

async function started(t: TestContext) {
  const gateway = new FakeGateway();
  const failures: unknown[] = [];
  const backend = await startBackend({
    gateway,
    clientUrl: 'ws://gateway.example:8080/client/hubs/chat',
    assets: new Map([['/', { type: 'text/html', body: '<p>page</p>' }]]),
    nowMs: () => 1000,
    onFailure: (error) => failures.push(error),
  });
  t.after(() => backend.close());
  const ask = async (method: string, path: string, session?: string, body?: unknown) => {
    const response = await fetch(backend.url + path, {
      method,
      headers: session === undefined ? {} : { authorization: `Bearer ${session}` },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, answer };
  };
  const signIn = async (person: string): Promise<string> => {
    const { answer } = await ask('POST', '/api/sign-in', undefined, { person });
    return (answer as SignedIn).session;
  };
  const stateOf = async (session: string): Promise<ChatState> => {
    const { answer, status } = await ask('GET', '/api/state', session);
    assert.equal(status, 200);
    return answer as ChatState;
  };
  return { backend, gateway, failures, ask, signIn, stateOf };
}

const notice = { title: 'Fog', body: 'until ten', severity: 'warning' };

describe('backend of the chat', () => {
  test('page: it is given out with a policy that allows its own script and the gateway', async (t) => {
    const { backend } = await started(t);
    const response = await fetch(backend.url);
    assert.equal(await response.text(), '<p>page</p>');
    const policy = response.headers.get('content-security-policy') ?? '';
    assert.match(policy, /default-src 'none'; script-src 'self';/);
    assert.match(policy, /connect-src 'self' ws:\/\/gateway\.example:8080;/);
    assert.doesNotMatch(policy, /unsafe/);
  });

  test('session: everything but signing in needs one, and it ends with signing out', async (t) => {
    const { ask, signIn, stateOf } = await started(t);
    assert.equal((await ask('GET', '/api/state')).status, 401);
    assert.equal((await ask('GET', '/api/token', 'guessed')).status, 401);
    assert.equal((await ask('POST', '/api/announce', undefined, notice)).status, 401);
    assert.equal((await ask('POST', '/api/sign-in', undefined, { person: 'nobody' })).status, 404);
    const anna = await signIn('anna');
    assert.equal((await stateOf(anna)).me.name, 'Anna Lindqvist');
    assert.equal((await ask('POST', '/api/sign-out', anna)).status, 204);
    assert.equal((await ask('GET', '/api/state', anna)).status, 401);
  });

  test('token: it is for who asks, and has roles', async (t) => {
    const { ask, signIn } = await started(t);
    const { answer } = await ask('GET', '/api/token', await signIn('ben'));
    assert.deepEqual(answer, { token: 'ben true' });
  });

  test('state: it shows own rooms and friends, and no private room of others', async (t) => {
    const { signIn, stateOf } = await started(t);
    const state = await stateOf(await signIn('dan'));
    assert.deepEqual(state.friends, ['carla', 'eva']);
    assert.deepEqual(
      state.rooms.map(({ conversation }) => conversation),
      ['room.berths', 'room.harbour', 'room.kitchen'],
    );
    assert.deepEqual(Object.keys(state.marks).sort(), [
      'dm.carla.dan',
      'dm.dan.eva',
      'room.harbour',
    ]);
    assert.equal(
      state.people.some(({ id }) => id === 'dan'),
      false,
    );
  });

  test('marks: a step forward is kept and told to the conversation, the same again is not', async (t) => {
    const { ask, gateway, signIn, stateOf } = await started(t);
    const ben = await signIn('ben');
    const read = { epoch: 'e', offset: 3 };
    for (let time = 0; time < 2; time += 1) {
      const body = { conversation: 'dm.anna.ben', read };
      assert.equal((await ask('POST', '/api/marks', ben, body)).status, 204);
    }
    const marks = { delivered: read, read };
    assert.deepEqual(gateway.calls, [
      ['tellConversation', 'dm.anna.ben', { userId: 'ben', marks }],
    ]);
    const state = await stateOf(await signIn('anna'));
    assert.deepEqual(state.marks['dm.anna.ben'], { ben: marks });
  });

  test('marks: nobody sets them where they take no part', async (t) => {
    const { ask, gateway, signIn } = await started(t);
    const dan = await signIn('dan');
    for (const conversation of ['dm.anna.ben', 'private.watch', 'room.berths', 'room.nowhere']) {
      const body = { conversation, read: { epoch: 'e', offset: 3 } };
      assert.equal((await ask('POST', '/api/marks', dan, body)).status, 403, conversation);
    }
    assert.deepEqual(gateway.calls, []);
  });

  test('friends: both are told, the other is notified, a second time nothing happens', async (t) => {
    const { ask, gateway, signIn, stateOf } = await started(t);
    const anna = await signIn('anna');
    await ask('POST', '/api/friends', anna, { person: 'dan' });
    await ask('POST', '/api/friends', anna, { person: 'dan' });
    assert.deepEqual(
      gateway.calls.map((call) => (call as readonly unknown[]).slice(0, 2)),
      [
        ['tellDevices', ['anna', 'dan']],
        ['notify', ['dan']],
      ],
    );
    assert.ok((await stateOf(await signIn('dan'))).friends.includes('anna'));
    assert.equal((await ask('POST', '/api/friends', anna, { person: 'anna' })).status, 404);
  });

  test('rooms: an open one is joined and left, a private one is not there for others', async (t) => {
    const { ask, gateway, signIn, stateOf } = await started(t);
    const dan = await signIn('dan');
    assert.equal((await ask('POST', '/api/rooms/room.kitchen/join', dan)).status, 204);
    const kitchen = async () =>
      (await stateOf(dan)).rooms.find(({ conversation }) => conversation === 'room.kitchen');
    assert.deepEqual((await kitchen())?.members, ['dan']);
    assert.deepEqual(gateway.calls, [['tellDevices', ['dan'], { kind: 'state' }]]);
    assert.equal((await ask('POST', '/api/rooms/room.kitchen/leave', dan)).status, 204);
    assert.deepEqual((await kitchen())?.members, []);
    assert.equal((await ask('POST', '/api/rooms/private.watch/join', dan)).status, 404);
    const farid = await signIn('farid');
    assert.equal((await ask('POST', '/api/rooms/private.watch/leave', farid)).status, 409);
  });

  test('topics: a notification goes to who has subscribed', async (t) => {
    const { ask, gateway, signIn } = await started(t);
    const dan = await signIn('dan');
    await ask('POST', '/api/topics/maintenance/subscribe', dan);
    await ask('POST', '/api/topics/maintenance/notify', await signIn('eva'), notice);
    assert.deepEqual(gateway.calls.at(-1), [
      'notify',
      ['dan'],
      { ...notice, topic: 'maintenance' },
    ]);
    await ask('POST', '/api/topics/maintenance/unsubscribe', dan);
    await ask('POST', '/api/topics/maintenance/notify', dan, notice);
    assert.deepEqual(gateway.calls.at(-1), ['notify', [], { ...notice, topic: 'maintenance' }]);
    assert.equal((await ask('POST', '/api/topics/nothing/notify', dan, notice)).status, 404);
  });

  test('announcements: to everybody, by admins only', async (t) => {
    const { ask, gateway, signIn } = await started(t);
    assert.equal((await ask('POST', '/api/announce', await signIn('ben'), notice)).status, 403);
    assert.deepEqual(gateway.calls, []);
    assert.equal((await ask('POST', '/api/announce', await signIn('anna'), notice)).status, 204);
    assert.deepEqual(gateway.calls, [['notifyAll', notice]]);
  });

  test('notices: what is read on one device is told to the others and kept', async (t) => {
    const { ask, gateway, signIn, stateOf } = await started(t);
    const dan = await signIn('dan');
    assert.equal((await ask('POST', '/api/notices/read', dan, { ids: ['n1'] })).status, 204);
    assert.deepEqual(gateway.calls, [
      ['tellDevices', ['dan'], { kind: 'notices-read', ids: ['n1'] }],
    ]);
    assert.deepEqual((await stateOf(dan)).noticesRead, ['n1']);
    assert.deepEqual((await stateOf(await signIn('eva'))).noticesRead, []);
  });

  test('requests: what is wrong is named, and what is unknown is not found', async (t) => {
    const { ask, failures, signIn } = await started(t);
    const anna = await signIn('anna');
    const wrong = await ask('POST', '/api/announce', anna, { ...notice, severity: 'loud' });
    assert.equal(wrong.status, 400);
    assert.match((wrong.answer as { readonly message: string }).message, /severity/);
    assert.equal((await ask('POST', '/api/announce', anna, 'no json')).status, 400);
    assert.equal((await ask('POST', '/api/announce', anna)).status, 400);
    assert.equal((await ask('POST', '/api/announce', anna, 'x'.repeat(65_537))).status, 413);
    assert.equal((await ask('GET', '/api/nothing', anna)).status, 404);
    assert.equal((await ask('POST', '/api/rooms/%zz/join', anna)).status, 400);
    assert.deepEqual(failures, []);
  });

  test('failures: the gateway does not answer, and nobody is told why but the operator', async (t) => {
    const { ask, failures, gateway, signIn } = await started(t);
    gateway.failure = new Error('the key is wrong');
    const { answer, status } = await ask('POST', '/api/announce', await signIn('anna'), notice);
    assert.equal(status, 500);
    assert.doesNotMatch(JSON.stringify(answer), /key/);
    assert.deepEqual(failures, [gateway.failure]);
  });
});
