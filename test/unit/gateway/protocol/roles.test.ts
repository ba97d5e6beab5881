/** Permissions: what roles allow, what grants and revocations change, what is shared. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PermissionsTable } from '../../../../gateway/protocol/roles.ts';

const options = { nameLengthMax: 1024, entriesMax: 100 } as const;
const table = new PermissionsTable(options);

describe('roles', () => {
  test('no role: nothing is allowed', () => {
    const permissions = table.permissionsFromRoles([]);
    assert.equal(permissions.allows('joinLeaveGroup', 'g'), false);
    assert.equal(permissions.allows('sendToGroup', 'g'), false);
  });

  test('a plain role: allows its kind for every group, and not the other kind', () => {
    const permissions = table.permissionsFromRoles(['webpubsub.sendToGroup']);
    assert.equal(permissions.allows('sendToGroup', 'any'), true);
    assert.equal(permissions.allows('joinLeaveGroup', 'any'), false);
  });

  test('a role of one group: allows exactly that group, dots and stars included', () => {
    const permissions = table.permissionsFromRoles(['webpubsub.joinLeaveGroup.a.*']);
    assert.equal(permissions.allows('joinLeaveGroup', 'a.*'), true);
    assert.equal(permissions.allows('joinLeaveGroup', 'a.b'), false);
    assert.equal(permissions.allows('joinLeaveGroup', 'A.*'), false);
    assert.equal(permissions.allows('sendToGroup', 'a.*'), false);
  });

  test('a wildcard role: allows what the pattern matches', () => {
    const roles = ['webpubsub.joinLeaveGroups.room.*', 'webpubsub.sendToGroups.x?'];
    const permissions = table.permissionsFromRoles(roles);
    assert.equal(permissions.allows('joinLeaveGroup', 'room.1'), true);
    assert.equal(permissions.allows('joinLeaveGroup', 'room.1.2'), false);
    assert.equal(permissions.allows('sendToGroup', 'x1'), true);
    assert.equal(permissions.allows('sendToGroup', 'room.1'), false);
  });

  test('roles of presence: all, or the groups that a pattern matches; a name is one, too', () => {
    const every = table.permissionsFromRoles(['trunkline.watchPresence']);
    assert.equal(every.allows('watchPresence', undefined), true);
    assert.equal(every.allows('watchPresence', 'any'), true);
    assert.equal(every.allows('sendToGroup', 'any'), false);
    const some = table.permissionsFromRoles([
      'trunkline.watchPresence.room.*',
      'trunkline.watchPresence.one\\*',
    ]);
    assert.equal(some.allows('watchPresence', undefined), false);
    assert.equal(some.allows('watchPresence', 'room.1'), true);
    assert.equal(some.allows('watchPresence', 'room.1.2'), false);
    assert.equal(some.allows('watchPresence', 'one*'), true);
    assert.equal(some.allows('watchPresence', 'one1'), false);
    assert.equal(table.permissionsFromRoles(some.roles()), some, 'roles() says the same');
    assert.equal(table.permissionsFromRoles(every.roles()), every);
  });

  const worthless = [
    'webpubsub',
    'webpubsub.sendtogroup',
    'webpubsub.sendToGroup.',
    'webpubsub.sendToGroup. ',
    'webpubsub.sendToGroups',
    'webpubsub.sendToGroups.',
    'webpubsub.sendToGroups.\\a',
    'webpubsub.sendToGroups.******',
    'webpubsub.sendToGroupX',
    ' webpubsub.sendToGroup',
  ];
  for (const role of worthless) {
    test(`the role ${JSON.stringify(role)}: grants nothing and harms nothing`, () => {
      const permissions = table.permissionsFromRoles([role, 'webpubsub.joinLeaveGroup.g']);
      for (const group of ['', ' ', 'a', 'sendToGroup']) {
        assert.equal(permissions.allows('sendToGroup', group), false);
      }
      assert.equal(permissions.allows('joinLeaveGroup', 'g'), true);
    });
  }

  test('grant and revoke: change a copy', () => {
    const before = table.permissionsFromRoles(['webpubsub.sendToGroup.a']);
    const granted = before.grant('sendToGroup', 'b');
    assert.equal(before.allows('sendToGroup', 'b'), false);
    assert.equal(granted.allows('sendToGroup', 'a'), true);
    assert.equal(granted.allows('sendToGroup', 'b'), true);
    const revoked = granted.revoke('sendToGroup', 'a');
    assert.equal(granted.allows('sendToGroup', 'a'), true);
    assert.equal(revoked.allows('sendToGroup', 'a'), false);
    assert.equal(revoked.allows('sendToGroup', 'b'), true);
  });

  test('grant and revoke for all groups: leave rights by name alone', () => {
    const named = table.permissionsFromRoles(['webpubsub.joinLeaveGroup.a']);
    const all = named.grant('joinLeaveGroup', undefined);
    assert.equal(all.allows('joinLeaveGroup', 'z'), true);
    assert.equal(all.allows('sendToGroup', 'z'), false);
    const back = all.revoke('joinLeaveGroup', undefined);
    assert.equal(back.allows('joinLeaveGroup', 'z'), false);
    assert.equal(back.allows('joinLeaveGroup', 'a'), true);
  });

  test('revoke: leaves the wildcard roles of the token', () => {
    const permissions = table.permissionsFromRoles(['webpubsub.sendToGroups.a*']);
    assert.equal(permissions.revoke('sendToGroup', 'ab').allows('sendToGroup', 'ab'), true);
    assert.equal(permissions.revoke('sendToGroup', undefined).allows('sendToGroup', 'ab'), true);
  });

  test('sharing: the same rights are one object, however they came about', () => {
    const one = table.permissionsFromRoles(['webpubsub.sendToGroup.a', 'webpubsub.sendToGroup.b']);
    const two = table.permissionsFromRoles(['webpubsub.sendToGroup.b', 'webpubsub.sendToGroup.a']);
    const three = table
      .permissionsFromRoles([])
      .grant('sendToGroup', 'b')
      .grant('sendToGroup', 'a');
    assert.equal(one, two);
    assert.equal(one, three);
    assert.equal(one, one.grant('sendToGroup', 'c').revoke('sendToGroup', 'c'));
    assert.equal(table.permissionsFromRoles(['x']), table.permissionsFromRoles(['y']));
  });

  test('sharing: names that contain separators are not confused', () => {
    const one = table.permissionsFromRoles(['webpubsub.sendToGroup.a","b']);
    const two = table.permissionsFromRoles(['webpubsub.sendToGroup.a', 'webpubsub.sendToGroup.b']);
    assert.notEqual(one, two);
    assert.equal(one.allows('sendToGroup', 'a'), false);
  });

  test('the table: forgets the oldest beyond its bound, which keeps its rights', () => {
    const small = new PermissionsTable({ ...options, entriesMax: 2 });
    const role = (group: string): string[] => [`webpubsub.sendToGroup.${group}`];
    const first = small.permissionsFromRoles(role('1'));
    assert.equal(small.permissionsFromRoles(role('1')), first);
    small.permissionsFromRoles(role('2'));
    small.permissionsFromRoles(role('3'));
    assert.notEqual(small.permissionsFromRoles(role('1')), first);
    assert.equal(first.allows('sendToGroup', '1'), true);
  });
});
