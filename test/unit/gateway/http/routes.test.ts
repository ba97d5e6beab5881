/** The table of routes is complete, and every operation answers with Azure's status. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { routes } from '../../../../gateway/http/routes.ts';
import { RestFixture, type RequestOptions } from './rest-fixtures.ts';

const streams = ['', '/users/{userId}', '/groups/{group}'].flatMap((place) => [
  `GET /api/hubs/{hub}${place}/history`,
  `DELETE /api/hubs/{hub}${place}/history`,
  `GET /api/hubs/{hub}${place}/stream`,
]);
const batch = 'POST /api/hubs/{hub}/:sendBatch';
const ours = [
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  batch,
  ...streams,
  'GET /api/hubs/{hub}/presence',
  'GET /api/hubs/{hub}/groups/{group}/presence',
];
const azure = [
  'HEAD /api/health',
  'POST /api/hubs/{hub}/:addToGroups',
  'POST /api/hubs/{hub}/:closeConnections',
  'POST /api/hubs/{hub}/:generateToken',
  'POST /api/hubs/{hub}/:removeFromGroups',
  'POST /api/hubs/{hub}/:send',
  'HEAD /api/hubs/{hub}/connections/{connectionId}',
  'DELETE /api/hubs/{hub}/connections/{connectionId}',
  'POST /api/hubs/{hub}/connections/{connectionId}/:send',
  'DELETE /api/hubs/{hub}/connections/{connectionId}/groups',
  'HEAD /api/hubs/{hub}/groups/{group}',
  'POST /api/hubs/{hub}/groups/{group}/:closeConnections',
  'POST /api/hubs/{hub}/groups/{group}/:send',
  'GET /api/hubs/{hub}/groups/{group}/connections',
  'PUT /api/hubs/{hub}/groups/{group}/connections/{connectionId}',
  'DELETE /api/hubs/{hub}/groups/{group}/connections/{connectionId}',
  'HEAD /api/hubs/{hub}/permissions/{permission}/connections/{connectionId}',
  'PUT /api/hubs/{hub}/permissions/{permission}/connections/{connectionId}',
  'DELETE /api/hubs/{hub}/permissions/{permission}/connections/{connectionId}',
  'HEAD /api/hubs/{hub}/users/{userId}',
  'POST /api/hubs/{hub}/users/{userId}/:closeConnections',
  'POST /api/hubs/{hub}/users/{userId}/:send',
  'DELETE /api/hubs/{hub}/users/{userId}/groups',
  'PUT /api/hubs/{hub}/users/{userId}/groups/{group}',
  'DELETE /api/hubs/{hub}/users/{userId}/groups/{group}',
];

describe('routes', () => {
  test('the table: the 25 operations of Azure, streams, presence, batches, health, readiness and metrics', () => {
    assert.equal(azure.length, 25);
    assert.deepEqual(
      routes.map(({ method, path }) => `${method} ${path}`).sort(),
      [...azure, ...ours].sort(),
    );
  });

  test('operation names: unique', () => {
    const names = routes.map(({ operation }) => operation);
    assert.equal(new Set(names).size, names.length);
  });

  test('tokens: all but health, readiness and metrics need one', () => {
    const open = routes.filter(({ needsToken }) => !needsToken).map(({ path }) => path);
    assert.deepEqual(open.sort(), ['/api/health', '/healthz', '/metrics', '/readyz']);
  });
});

interface Case {
  readonly line: string;
  readonly options?: RequestOptions;
  readonly status: number;
  /** What the directory is asked; the hub is `chat` everywhere. */
  readonly call?: unknown[];
}

const hub = '/api/hubs/Chat';
const nobody = { reason: undefined, excluded: [] };
const matching = { body: '{"groups":["g1","g2","g1"],"filter":"userId eq \'u\'"}' };
const asJson = { ...matching, headers: { 'content-type': 'application/json' } };

const cases: readonly Case[] = [
  { line: 'HEAD /api/health', status: 200 },
  { line: `HEAD ${hub}/connections/known`, status: 200, call: ['connectionExists', 'known'] },
  { line: `HEAD ${hub}/connections/x`, status: 404, call: ['connectionExists', 'x'] },
  { line: `HEAD ${hub}/groups/known`, status: 200, call: ['groupExists', 'known'] },
  { line: `HEAD ${hub}/groups/x`, status: 404, call: ['groupExists', 'x'] },
  { line: `HEAD ${hub}/users/known`, status: 200, call: ['userExists', 'known'] },
  { line: `HEAD ${hub}/users/x`, status: 404, call: ['userExists', 'x'] },
  {
    line: `DELETE ${hub}/connections/c1?reason=go%20away`,
    status: 204,
    call: ['closeConnection', 'c1', 'go away'],
  },
  { line: `DELETE ${hub}/connections/c1`, status: 204, call: ['closeConnection', 'c1', undefined] },
  {
    line: `POST ${hub}/:closeConnections?excluded=a&reason=r&excluded=b%2Fc`,
    status: 204,
    call: ['closeAll', { reason: 'r', excluded: ['a', 'b/c'] }],
  },
  {
    line: `POST ${hub}/groups/g/:closeConnections`,
    status: 204,
    call: ['closeGroup', 'g', nobody],
  },
  {
    line: `POST ${hub}/users/u/:closeConnections?excluded=a`,
    status: 204,
    call: ['closeUser', 'u', { reason: undefined, excluded: ['a'] }],
  },
  {
    line: `PUT ${hub}/groups/g/connections/known`,
    status: 200,
    call: ['addConnectionToGroup', 'known', 'g'],
  },
  {
    line: `PUT ${hub}/groups/g/connections/x`,
    status: 404,
    call: ['addConnectionToGroup', 'x', 'g'],
  },
  {
    line: `DELETE ${hub}/groups/g/connections/x`,
    status: 204,
    call: ['removeConnectionFromGroup', 'x', 'g'],
  },
  {
    line: `DELETE ${hub}/connections/x/groups`,
    status: 204,
    call: ['removeConnectionFromAllGroups', 'x'],
  },
  { line: `PUT ${hub}/users/known/groups/g`, status: 200, call: ['addUserToGroup', 'known', 'g'] },
  { line: `PUT ${hub}/users/x/groups/g`, status: 404, call: ['addUserToGroup', 'x', 'g'] },
  { line: `DELETE ${hub}/users/x/groups/g`, status: 204, call: ['removeUserFromGroup', 'x', 'g'] },
  { line: `DELETE ${hub}/users/x/groups`, status: 204, call: ['removeUserFromAllGroups', 'x'] },
  {
    line: `POST ${hub}/:addToGroups`,
    options: asJson,
    status: 200,
    call: ['addMatchingToGroups', "userId eq 'u'", ['g1', 'g2']],
  },
  {
    line: `POST ${hub}/:removeFromGroups`,
    options: asJson,
    status: 200,
    call: ['removeMatchingFromGroups', "userId eq 'u'", ['g1', 'g2']],
  },
  {
    line: `PUT ${hub}/permissions/joinLeaveGroup/connections/known?targetName=g`,
    status: 200,
    call: ['grantPermission', 'known', 'joinLeaveGroup', 'g'],
  },
  {
    line: `PUT ${hub}/permissions/sendToGroup/connections/x`,
    status: 404,
    call: ['grantPermission', 'x', 'sendToGroup', undefined],
  },
  {
    line: `DELETE ${hub}/permissions/sendToGroup/connections/x`,
    status: 204,
    call: ['revokePermission', 'x', 'sendToGroup', undefined],
  },
  {
    line: `HEAD ${hub}/permissions/sendToGroup/connections/known?targetName=g`,
    status: 200,
    call: ['hasPermission', 'known', 'sendToGroup', 'g'],
  },
  {
    line: `HEAD ${hub}/permissions/sendToGroup/connections/x`,
    status: 404,
    call: ['hasPermission', 'x', 'sendToGroup', undefined],
  },
];

describe('operations', () => {
  for (const { line, options, status, call } of cases) {
    test(`${line}: ${status}`, async () => {
      const fixture = new RestFixture();
      const response = await fixture.send(line, options);
      assert.equal(response.status, status);
      const [name, ...rest] = call ?? [];
      assert.deepEqual(
        fixture.directory.calls,
        call === undefined ? [] : [[name, 'chat', ...rest]],
      );
      if (status < 400 || line.startsWith('HEAD')) assert.equal(response.body, undefined);
      if (status === 404) assert.equal(response.headers?.['x-ms-error-code'], 'not-found');
    });
  }
});
