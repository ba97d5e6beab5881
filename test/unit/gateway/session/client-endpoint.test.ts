/** The door for clients: every refusal by status and text, and whom it lets in as what. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { plainHub } from '../../../../gateway/config/sections.ts';
import { GatewayError } from '../../../../gateway/errors.ts';
import { PermissionsTable } from '../../../../gateway/protocol/roles.ts';
import { ClientEndpoint, notAWebSocket } from '../../../../gateway/session/client-endpoint.ts';
import { Session } from '../../../../gateway/session/session.ts';
import type { ClientIdentity } from '../../../../gateway/tokens/verify.ts';
import type { HttpRequest, UpgradeDecision } from '../../../../gateway/transport/transport.ts';
import { allRoles, codecs, FakeSocket, SessionFixture, settled } from './session-fixtures.ts';

const json = 'json.webpubsub.azure.v1';

interface Asked {
  readonly path?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

class Door {
  readonly fixture = new SessionFixture();
  readonly asked: [token: string, hub: string][] = [];
  identity: ClientIdentity = { userId: 'anna', roles: allRoles, groups: [], expiresAt: 2e9 };
  verify = (): ClientIdentity | Promise<ClientIdentity> => this.identity;
  readonly endpoint: ClientEndpoint;

  constructor(limits: { readonly groupsPerConnectionMax?: number } = {}) {
    const permissions = new PermissionsTable({ nameLengthMax: 32, entriesMax: 100 });
    this.endpoint = new ClientEndpoint({
      reliable: this.fixture.reliable(limits),
      services: {
        ...this.fixture.services(limits),
        verifyClient: (token, hub) => {
          this.asked.push([token, hub]);
          return this.verify();
        },
        permissionsFor: (roles) => permissions.permissionsFromRoles(roles),
      },
      codecs,
      hubSettings: (hub) => ({ ...plainHub, anonymous: hub === 'open' }),
      newConnectionId: () => 'node-1',
    });
  }

  knock({ path = '/client/hubs/chat', query = 'access_token=t', headers = {} }: Asked = {}) {
    const request: HttpRequest = {
      method: 'GET',
      path,
      query,
      headers: new Map(Object.entries(headers)),
      remoteAddress: '127.0.0.1',
    };
    return this.endpoint.onUpgrade(request);
  }

  /** A synchronous refusal; fails for anything else. */
  refusal(asked: Asked): { status: number; code: unknown; message: string } {
    return refusalOf(this.knock(asked));
  }

  /** What an accepted connection is, and what it says first. */
  async accepted(asked: Asked = {}) {
    const decision = await this.knock(asked);
    assert.ok('accept' in decision, JSON.stringify(decision));
    assert.ok(decision.accept instanceof Session);
    const { hub, userId, permissions } = decision.accept;
    const socket = new FakeSocket();
    decision.accept.onOpen(socket);
    await settled();
    const { subprotocol } = decision;
    return { hub, userId, permissions, subprotocol, session: decision.accept, socket };
  }
}

function refusalOf(decision: UpgradeDecision | Promise<UpgradeDecision>) {
  assert.ok('reject' in decision, 'it is refused at once');
  const { body, headers, status } = decision.reject;
  assert.equal(headers?.['content-type'], 'application/json');
  const { code, message } = JSON.parse(String(body)) as { code: unknown; message: string };
  assert.equal(headers['x-ms-error-code'], code);
  return { status, code, message };
}

interface RefusedCase extends Asked {
  readonly name: string;
  readonly identity?: Partial<ClientIdentity>;
  readonly status: number;
  readonly code: string;
  readonly message: RegExp;
}

const simpleGroup = 'access_token=t&webpubsub_mode=sendToGroup&group=';

const refusedCases: readonly RefusedCase[] = [
  ...['/client/hubs/', '/client/hubs/1st', '/client/hubs/a/b', '/client/hubs/%ff', '/client/x'].map(
    (path) => ({
      name: `path ${path}`,
      path,
      status: 400,
      code: 'bad-request',
      message: /^The URL must be \/client\/hubs\/\{hub\} or .*, got ".*"; a hub has 1\.\.128/,
    }),
  ),
  {
    name: 'no hub in the short form',
    path: '/client/',
    status: 400,
    code: 'bad-request',
    message: /got "\/client\/"/,
  },
  {
    name: 'no token',
    query: '',
    status: 401,
    code: 'bad-token',
    message: /^Hub 'chat' takes no anonymous clients: give a token in the query parameter/,
  },
  {
    name: 'another scheme than Bearer',
    query: '',
    headers: { authorization: 'Basic dTpw' },
    status: 401,
    code: 'bad-token',
    message: /Authorization: Bearer/,
  },
  {
    name: 'a subprotocol that is not spoken',
    headers: { 'sec-websocket-protocol': 'mqtt, graphql-ws' },
    status: 400,
    code: 'bad-request',
    message: /^None of the offered subprotocols.*"mqtt, graphql-ws"; offer json\.webpubsub\.azure/,
  },
  {
    name: 'an unknown mode',
    query: 'access_token=t&webpubsub_mode=shout',
    status: 400,
    code: 'bad-request',
    message: /^webpubsub_mode must be sendEvent or sendToGroup, got "shout"; leave it out/,
  },
  ...['', '%20', 'g'.repeat(33)].map((group) => ({
    name: `mode sendToGroup with the group "${group}"`,
    query: simpleGroup + group,
    status: 400,
    code: 'bad-request',
    message: /needs the query parameter group: 1\.\.32 characters of valid Unicode/,
  })),
  ...['%ed%a0%80', '%ff', '%'].map((group) => ({
    name: `mode sendToGroup with the broken encoding ${group}`,
    query: simpleGroup + group,
    status: 400,
    code: 'bad-request',
    message: /^The query has a bad percent-encoding/,
  })),
  {
    name: 'mode sendToGroup without the permission',
    query: `${simpleGroup}g`,
    identity: { roles: ['webpubsub.joinLeaveGroup', 'webpubsub.sendToGroup.other'] },
    status: 403,
    code: 'forbidden',
    message: /does not allow to send to group "g"; it needs the role webpubsub\.sendToGroup/,
  },
  ...['', ' ', '\ud800', 'u'.repeat(33)].map((userId) => ({
    name: `the user id ${JSON.stringify(userId)}`,
    identity: { userId },
    status: 400,
    code: 'bad-request',
    message: /^The token's sub must be a user id of 1\.\.32 characters.*, got "/,
  })),
  ...['', '\udc00', 'g'.repeat(33)].map((group) => ({
    name: `the group ${JSON.stringify(group)} in the token`,
    identity: { groups: ['good', group] },
    status: 400,
    code: 'bad-request',
    message: /^Each of the token's groups must have 1\.\.32 characters.*, got "/,
  })),
  {
    name: 'too many groups in the token',
    identity: { groups: ['a', 'b', 'c', 'd'] },
    status: 400,
    code: 'too-many-groups',
    message: /^The token names 4 groups; groupsPerConnectionMax allows 3; /,
  },
];

describe('client endpoint: refusals', () => {
  for (const { name, identity, status, code, message, ...asked } of refusedCases) {
    test(`refused: ${name}`, () => {
      const door = new Door({ groupsPerConnectionMax: 3 });
      door.identity = { ...door.identity, ...identity };
      const refusal = door.refusal(asked);
      assert.deepEqual([refusal.status, refusal.code], [status, code]);
      assert.match(refusal.message, message);
      assert.deepEqual([...door.fixture.counters.refusals], [[status, 1]]);
      assert.deepEqual(door.fixture.errors, []);
      assert.equal(door.fixture.counters.opened, 0);
    });
  }

  test('refused: what the verifier throws or rejects with', async () => {
    for (const isLate of [false, true]) {
      const door = new Door();
      door.verify = () => {
        const error = new GatewayError('bad-token', 'The token expired 9 s ago; get a new one.');
        if (isLate) return Promise.reject(error);
        throw error;
      };
      const { status, message } = refusalOf(await door.knock());
      assert.deepEqual([status, message], [401, 'The token expired 9 s ago; get a new one.']);
    }
  });

  test('refused: a fault of the gateway is 500, tells nothing, and the operator hears of it', async () => {
    for (const isLate of [false, true]) {
      const door = new Door();
      const fault = new Error('secret');
      door.verify = () => {
        if (isLate) return Promise.reject(fault);
        throw fault;
      };
      const { status, message } = refusalOf(await door.knock());
      assert.equal(status, 500);
      assert.ok(!message.includes('secret'));
      assert.deepEqual(door.fixture.errors, [fault]);
    }
  });

  test('close: later upgrades get 503, also those whose token was being checked', async () => {
    const door = new Door();
    let verified: (identity: ClientIdentity) => void = () => undefined;
    door.verify = () =>
      new Promise((resolve) => {
        verified = resolve;
      });
    const waiting = door.knock();
    door.endpoint.close();
    verified(door.identity);
    for (const decision of [await waiting, door.knock()]) {
      const { status, code, message } = refusalOf(await decision);
      assert.deepEqual([status, code], [503, 'shutting-down']);
      assert.match(message, /connect again/);
    }
    assert.equal(door.asked.length, 1, 'nobody is asked about tokens any more');
  });

  test('a plain request: told to use a WebSocket', () => {
    const { status, body } = notAWebSocket();
    assert.equal(status, 400);
    assert.match(String(body), /connect with ws:\/\/ or wss:\/\//);
  });
});

describe('client endpoint: who gets in', () => {
  for (const [path, query] of [
    ['/client/hubs/Chat', 'access_token=t'],
    ['/client/hubs/Chat/', 'access_token=t'],
    ['/client/hubs/%43hat', 'access_token=t'],
    ['/client/', 'hub=Chat&access_token=t'],
    ['/client', 'access_token=t&hub=Chat'],
  ] as const) {
    test(`URL ${path}?${query}: hub chat, whose token is checked`, async () => {
      const door = new Door();
      assert.ok(ClientEndpoint.serves(path));
      const { hub, userId } = await door.accepted({ path, query });
      assert.deepEqual([hub, userId], ['chat', 'anna']);
      assert.deepEqual(door.asked, [['t', 'chat']]);
    });
  }

  test('serves: the paths below /client and no others', () => {
    for (const path of ['/', '/clients', '/client2/hubs/chat', '/api/client/hubs/chat']) {
      assert.equal(ClientEndpoint.serves(path), false, path);
    }
  });

  test('token: in the query or as Bearer in any case; the query wins', async () => {
    const door = new Door();
    await door.accepted({ query: '', headers: { authorization: 'bearer from-header' } });
    await door.accepted({
      query: 'access_token=from-query',
      headers: { authorization: 'Bearer from-header' },
    });
    assert.deepEqual(
      door.asked.map(([token]) => token),
      ['from-header', 'from-query'],
    );
  });

  test('anonymous: only where the hub allows it, without user and rights', async () => {
    const door = new Door();
    const { userId, permissions } = await door.accepted({ path: '/client/hubs/OPEN', query: '' });
    assert.equal(userId, undefined);
    assert.equal(permissions.allows('sendToGroup', 'g'), false);
    assert.equal(permissions.allows('joinLeaveGroup', 'g'), false);
    assert.deepEqual(door.asked, []);
  });

  test('anonymous: a bad token is refused there as well', () => {
    const door = new Door();
    door.verify = () => {
      throw new GatewayError('bad-token', 'no');
    };
    assert.equal(door.refusal({ path: '/client/hubs/open' }).status, 401);
  });

  test('identity: roles become permissions, groups are entered', async () => {
    const door = new Door();
    door.identity = { ...door.identity, roles: ['webpubsub.sendToGroup.g'], groups: ['a', 'b'] };
    const { permissions } = await door.accepted();
    assert.equal(permissions.allows('sendToGroup', 'g'), true);
    assert.equal(permissions.allows('sendToGroup', 'h'), false);
    assert.deepEqual(door.fixture.subscribers.log, ['attach chat node-1 anna', 'enter a,b']);
  });

  for (const [offered, wanted] of [
    [json, json],
    [json.toUpperCase(), json.toUpperCase()],
    [`mqtt , ${json}`, json],
    [`,, Json.WebPubSub.Azure.V1 ,${json}`, 'Json.WebPubSub.Azure.V1'],
  ] as const) {
    test(`subprotocol: of "${offered}" the answer is ${wanted}`, async () => {
      const headers = { 'sec-websocket-protocol': offered };
      const { subprotocol, socket } = await new Door().accepted({ headers });
      assert.equal(subprotocol, wanted);
      assert.equal(socket.frames.length, 1, 'connected');
    });
  }

  test('simple clients: no subprotocol, no greeting, and frames by the mode', async () => {
    const door = new Door();
    for (const query of [
      'access_token=t&webpubsub_mode=SENDTOGROUP&group=caf%C3%A9+x',
      'access_token=t&webpubsub_mode=SendEvent',
      'access_token=t',
    ]) {
      const { session, socket, subprotocol } = await door.accepted({ query });
      assert.equal(subprotocol, undefined);
      assert.deepEqual(socket.frames, []);
      session.onFrame(Buffer.from('hi'), false);
      await settled();
    }
    const [publication, ...others] = door.fixture.publisher.publications;
    assert.deepEqual(publication?.to, { kind: 'group', name: 'café x' });
    assert.deepEqual(others, []);
    assert.equal(door.fixture.events.events.length, 2);
  });

  test('onUpgrade: never throws, whatever path, query and headers are', () => {
    const door = new Door();
    const piece = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constantFrom(
        '/client/hubs/',
        'chat',
        '%',
        '%zz',
        '?',
        'access_token=',
        '&',
        'hub=',
        'Bearer ',
      ),
      fc.constantFrom('webpubsub_mode=sendToGroup', 'group=', json, ',', '__proto__', '\ud800'),
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
    const names = fc.constantFrom('authorization', 'sec-websocket-protocol', 'host');
    const path = fc.oneof(
      fc.constant('/client/hubs/chat'),
      text.map((value) => `/client/${value}`),
    );
    fc.assert(
      fc.property(path, text, fc.dictionary(names, text), (path, query, headers) => {
        const decision = door.knock({ path, query, headers });
        if ('accept' in decision) return;
        const { status } = refusalOf(decision);
        assert.ok(status === 400 || status === 401, String(status));
      }),
      { numRuns: 2000 },
    );
    assert.deepEqual(door.fixture.errors, []);
  });
});
