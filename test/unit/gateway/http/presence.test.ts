/** Tests of presence over REST, with a directory that answers what it is given. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { detailOf, jsonOf, RestFixture } from './rest-fixtures.ts';

const base = '/api/hubs/Chat';
const group = { kind: 'group', name: 'g 1' };
const anna = { connectionId: 'c1', userId: 'anna', sinceMs: 5, stateAtMs: 6 };
const members = [
  { ...anna, state: [['mood', 'fine']] as const },
  { ...anna, connectionId: 'c2', state: undefined },
  { ...anna, connectionId: 'c3', userId: undefined, state: undefined },
];

describe('presence over REST', () => {
  test('presence: who is in a group, and how many users that are', async () => {
    const fixture = new RestFixture();
    fixture.directory.attendances.push({ connections: 3, members });
    const response = await fixture.send(`GET ${base}/groups/g%201/presence`);
    assert.equal(response.status, 200);
    assert.deepEqual(jsonOf(response), {
      connections: 3,
      users: 1,
      members: [
        { connectionId: 'c1', userId: 'anna', state: { mood: 'fine' }, since: 5 },
        { connectionId: 'c2', userId: 'anna', since: 5 },
        { connectionId: 'c3', since: 5 },
      ],
      isComplete: true,
    });
    assert.deepEqual(fixture.directory.calls, [['attendance', 'chat', group]]);
  });

  test('presence: of too many it is only told how many', async () => {
    const fixture = new RestFixture();
    fixture.directory.attendances.push({ connections: 5000, members: undefined });
    const response = await fixture.send(`GET ${base}/presence?view=members`);
    assert.deepEqual(jsonOf(response), { connections: 5000, members: [], isComplete: false });
    assert.deepEqual(fixture.directory.calls, [['attendance', 'chat', { kind: 'all' }]]);
  });

  test('presence: counts alone, where that is asked for', async () => {
    const fixture = new RestFixture();
    fixture.directory.attendances.push({ connections: 3, members });
    const response = await fixture.send(`GET ${base}/presence?view=counts`);
    assert.deepEqual(jsonOf(response), { connections: 3, users: 1 });
  });

  test('presence: another view is refused', async () => {
    const fixture = new RestFixture();
    const response = await fixture.send(`GET ${base}/presence?view=all`);
    assert.equal(response.status, 400);
    assert.equal(detailOf(response).target, 'view');
    assert.deepEqual(fixture.directory.calls, []);
  });
});
