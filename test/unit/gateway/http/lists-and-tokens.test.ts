/** Paging through the members of a group, matching bodies, and signing client tokens. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TokenVerifier } from '../../../../gateway/tokens/verify.ts';
import { accessKey, detailOf, endpoint, jsonOf, nowSeconds, RestFixture } from './rest-fixtures.ts';

const list = 'GET /api/hubs/Chat/groups/g%201/connections';

interface Page {
  readonly value: readonly { readonly connectionId: string; readonly userId?: string }[];
  readonly nextLink?: string;
}

function connectionsOf(...ids: string[]) {
  return ids.map((connectionId) => ({ connectionId, userId: undefined }));
}

describe('listConnectionsInGroup', () => {
  test('one page: all of it, without a link', async () => {
    const fixture = new RestFixture();
    const connections = [{ connectionId: 'a', userId: 'u' }, ...connectionsOf('b')];
    fixture.directory.pages = [{ connections, continuation: undefined }];
    assert.deepEqual(jsonOf(await fixture.send(list)), {
      value: [{ connectionId: 'a', userId: 'u' }, { connectionId: 'b' }],
    });
    assert.deepEqual(fixture.directory.calls, [
      ['listGroup', 'chat', 'g 1', { limit: 200, continuation: undefined }],
    ]);
  });

  test('several pages: the link is absolute, works as it is, and carries what is left of top', async () => {
    const fixture = new RestFixture();
    fixture.directory.pages = [
      { connections: connectionsOf('a', 'b'), continuation: 'position 2' },
      { connections: connectionsOf('c', 'd'), continuation: 'position 4' },
      { connections: connectionsOf('e'), continuation: 'position 5' },
    ];
    const seen: string[] = [];
    let line: string | undefined = `${list}?api-version=2024-12-01&maxpagesize=2&top=5`;
    while (line !== undefined) {
      const response = await fixture.send(line);
      assert.equal(response.status, 200, String(response.body));
      const page = jsonOf(response) as Page;
      seen.push(...page.value.map(({ connectionId }) => connectionId));
      const { nextLink } = page;
      assert.ok(
        nextLink === undefined || nextLink.startsWith(`${endpoint}/api/hubs/Chat/groups/g%201/`),
      );
      assert.ok(nextLink === undefined || new URL(nextLink).searchParams.has('api-version'));
      line = nextLink === undefined ? undefined : `GET ${nextLink.slice(endpoint.length)}`;
    }
    assert.deepEqual(seen, ['a', 'b', 'c', 'd', 'e']);
    assert.deepEqual(
      fixture.directory.calls.map((call) => call[3]),
      [
        { limit: 2, continuation: undefined },
        { limit: 2, continuation: 'position 2' },
        { limit: 1, continuation: 'position 4' },
      ],
    );
  });

  test('a continuation token of another hub or group, or made up: 400', async () => {
    const fixture = new RestFixture();
    fixture.directory.pages = [{ connections: connectionsOf('a'), continuation: 'p' }];
    const { nextLink = '' } = jsonOf(await fixture.send(list)) as Page;
    const token = new URL(nextLink).searchParams.get('continuationToken') ?? '';
    const [position = ''] = token.split('.');
    const lines = [
      `GET /api/hubs/other/groups/g%201/connections?continuationToken=${token}`,
      `GET /api/hubs/Chat/groups/other/connections?continuationToken=${token}`,
      `${list}?continuationToken=${position}`,
      `${list}?continuationToken=${position}.x`,
      `${list}?continuationToken=x${token}`,
      `${list}?continuationToken=`,
    ];
    for (const line of lines) {
      const response = await fixture.send(line);
      assert.equal(response.status, 400, line);
      assert.equal(detailOf(response).target, 'continuationToken');
    }
    const again = await fixture.send(`${list}?continuationToken=${token}`);
    assert.equal(again.status, 200);
  });

  for (const query of ['maxpagesize=0', 'maxpagesize=201', 'maxpagesize=x', 'top=0', 'top=-1']) {
    test(`${query}: 400`, async () => {
      assert.equal((await new RestFixture().send(`${list}?${query}`)).status, 400);
    });
  }

  test('several endpoints: the link is on the one that was asked', async () => {
    const fixture = new RestFixture({ endpoints: () => ['https://first.test', endpoint] });
    fixture.directory.pages = [{ connections: connectionsOf('a'), continuation: 'p' }];
    const { nextLink = '' } = jsonOf(await fixture.send(list)) as Page;
    assert.ok(nextLink.startsWith(`${endpoint}/`));
  });

  test('a Host that is none of ours: the link is on the first endpoint', async () => {
    const fixture = new RestFixture();
    fixture.directory.pages = [{ connections: connectionsOf('a'), continuation: 'p' }];
    const response = await fixture.send(list, { headers: { host: 'evil.test' } });
    assert.ok((jsonOf(response) as Page).nextLink?.startsWith(`${endpoint}/`));
  });
});

describe('addConnectionsToGroups', () => {
  const line = 'POST /api/hubs/h/:addToGroups';
  const bodies: readonly (readonly [string, number, string])[] = [
    ['{"groups":["g"]}', 400, 'filter'],
    ['{"groups":["g"],"filter":""}', 400, 'filter'],
    ['{"groups":["g"],"filter":7}', 400, 'filter'],
    ['{"groups":["g"],"filter":"nonsense"}', 400, 'filter'],
    ['{"filter":"true"}', 400, 'groups'],
    ['{"groups":[],"filter":"true"}', 400, 'groups'],
    ['{"groups":"g","filter":"true"}', 400, 'groups'],
    ['{"groups":[1],"filter":"true"}', 400, 'groups'],
    ['{"groups":[" "],"filter":"true"}', 400, 'groups'],
    ['{"__proto__":{"groups":["g"],"filter":"true"}}', 400, 'groups'],
    [`{"groups":${JSON.stringify(Array(1001).fill('g'))},"filter":"true"}`, 400, 'groups'],
    ['[]', 400, 'body'],
    ['null', 400, 'body'],
    ['{', 400, 'body'],
    ['', 400, 'body'],
  ];
  for (const [body, status, target] of bodies) {
    test(`${body.slice(0, 50)}: ${status} for ${target}`, async () => {
      const fixture = new RestFixture();
      const response = await fixture.send(line, {
        body,
        headers: { 'content-type': 'application/json; charset=utf-8' },
      });
      assert.equal(response.status, status);
      assert.equal(detailOf(response).target, target);
      assert.deepEqual(fixture.directory.calls, []);
    });
  }

  test('another content type: 415', async () => {
    assert.equal((await new RestFixture().send(line, { body: '{}' })).status, 415);
  });
});

describe('generateClientToken', () => {
  const line = 'POST /api/hubs/Chat/:generateToken';

  async function identityOf(query: string) {
    const response = await new RestFixture().send(`${line}${query}`);
    assert.equal(response.status, 200, String(response.body));
    const { token } = jsonOf(response) as { token: string };
    return new TokenVerifier({
      accessKeys: [accessKey],
      issuers: [],
      endpoints: () => [endpoint],
      clock: { wallSeconds: () => nowSeconds, monotonicMs: () => 0 },
    }).verifyClient(token, 'chat');
  }

  test('no query: an anonymous token for an hour', async () => {
    assert.deepEqual(await identityOf(''), {
      userId: undefined,
      roles: [],
      groups: [],
      expiresAt: nowSeconds + 3600,
    });
  });

  test('everything: in the token', async () => {
    const query =
      '?userId=ann&role=webpubsub.sendToGroup&role=r2&group=g1&group=g%202&minutesToExpire=5' +
      '&clientType=default&api-version=2024-12-01';
    assert.deepEqual(await identityOf(query), {
      userId: 'ann',
      roles: ['webpubsub.sendToGroup', 'r2'],
      groups: ['g1', 'g 2'],
      expiresAt: nowSeconds + 300,
    });
  });

  const faults: readonly (readonly [string, string])[] = [
    ['minutesToExpire=0', 'minutesToExpire'],
    ['minutesToExpire=1.5', 'minutesToExpire'],
    ['minutesToExpire=999999999999', 'minutesToExpire'],
    ['clientType=MQTT', 'clientType'],
    ['clientType=socketIO', 'clientType'],
    ['group=', 'group'],
    ['userId=%20', 'userId'],
    ['userId=a&userId=b', 'userId'],
  ];
  for (const [query, target] of faults) {
    test(`${query}: 400 for ${target}`, async () => {
      const response = await new RestFixture().send(`${line}?${query}`);
      assert.equal(response.status, 400);
      assert.equal(detailOf(response).target, target);
    });
  }
});
