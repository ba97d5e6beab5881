/** Ids of publications: whose are equal, and whose are not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { scopedPublicationId } from '../../../../gateway/session/publication-id.ts';

const anna = { hub: 'chat', connectionId: 'n-1', userId: 'anna' };

describe('publication id', () => {
  test('publication id: one for all connections of a user', () => {
    const id = scopedPublicationId(anna, 'g', '1');
    assert.equal(scopedPublicationId({ ...anna, connectionId: 'n-2' }, 'g', '1'), id);
  });

  test('publication id: differs by hub, group, user, connection without a user, and client id', () => {
    const nobody = { ...anna, userId: undefined };
    const ids = [
      scopedPublicationId(anna, 'g', '1'),
      scopedPublicationId({ ...anna, hub: 'other' }, 'g', '1'),
      scopedPublicationId(anna, 'h', '1'),
      scopedPublicationId({ ...anna, userId: 'ben' }, 'g', '1'),
      scopedPublicationId(anna, 'g', '2'),
      scopedPublicationId(nobody, 'g', '1'),
      scopedPublicationId({ ...nobody, connectionId: 'n-2' }, 'g', '1'),
      scopedPublicationId({ ...anna, userId: 'n-1' }, 'g', '1'),
      scopedPublicationId(anna, 'g', '\ud800'),
      scopedPublicationId(anna, 'g', '\ud801'),
    ];
    assert.equal(new Set(ids).size, ids.length);
  });
});
