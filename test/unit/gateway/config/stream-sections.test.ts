/** Holds classes of streams, and the rules of hubs that name them, to what the file may say. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseJsonText } from '../../../../gateway/config/json-text.ts';
import { readHubs } from '../../../../gateway/config/sections.ts';
import { readRetention } from '../../../../gateway/config/stream-sections.ts';

const nameOf = (key: string): string => key;
const json = (value: unknown) => parseJsonText(JSON.stringify(value));
const retention = (value: unknown) => readRetention(json(value), nameOf);
const hub = (settings: unknown, classes: readonly string[] = ['chat', 'news']) =>
  readHubs(json({ chat: settings }), nameOf, classes);

describe('retention', () => {
  test('readRetention: every bound has a default, and no class is there by itself', () => {
    const defaults = { messages: 1000, seconds: 86_400, bytes: 67_108_864 };
    const { value, problems } = retention({ chat: {}, news: { messages: 5 } });
    assert.deepEqual(problems, []);
    assert.deepEqual({ ...value }, { chat: defaults, news: { ...defaults, messages: 5 } });
    assert.deepEqual({ ...readRetention(undefined, nameOf).value }, {});
    assert.equal(readRetention(undefined, nameOf).value['constructor'], undefined);
  });

  test('readRetention: both ends of each bound are accepted', () => {
    const least = { messages: 1, seconds: 10, bytes: 1024 };
    const most = { messages: 1_000_000, seconds: 31_536_000, bytes: 16 * 1024 ** 3 };
    assert.deepEqual({ ...retention({ least, most }).value }, { least, most });
  });

  test('readRetention: everything wrong is named', () => {
    const section = {
      a: { messages: 0, seconds: 9, bytes: 1.5 },
      b: { messages: '5', seconds: 31_536_001 },
      c: { message: 5 },
      '1st': {},
      ['d'.repeat(33)]: {},
      e: 5,
    };
    assert.deepEqual(retention(section).problems, [
      'retention.a.messages must be 1..1000000, got 0',
      'retention.a.seconds must be 10..31536000, got 9',
      'retention.a.bytes must be 1024..17179869184, got 1.5',
      'retention.b.messages must be 1..1000000, got "5"',
      'retention.b.seconds must be 10..31536000, got 31536001',
      'retention.c.message is not a setting; did you mean messages?',
      'retention.1st must be named by a letter, then up to 31 letters and digits',
      `retention.${'d'.repeat(33)} must be named by a letter, then up to 31 letters and digits`,
      'retention.e must be an object, got 5',
    ]);
    assert.deepEqual(retention([]).problems, [
      'retention must be an object: { "chat": { "messages": 1000 } }',
    ]);
  });

  test('readRetention: there are at most eight classes', () => {
    const classes = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, {}]));
    assert.deepEqual(retention(classes(8)).problems, []);
    assert.deepEqual(retention(classes(9)).problems, [
      'retention must have at most 8 classes, got 9',
    ]);
  });
});

describe('rules of hubs', () => {
  test('streams: all three kinds of destinations can be named', () => {
    const streams = ['all', 'user:*', 'group:room.**'].map((match) => ({
      match,
      retention: 'chat',
    }));
    const { value, problems } = hub({ streams });
    assert.deepEqual(problems, []);
    assert.deepEqual(value['chat']?.streams, streams);
  });

  test('streams: an unknown class is refused with those that exist', () => {
    const streams = [{ match: 'all', retention: 'chats' }];
    assert.deepEqual(hub({ streams }).problems, [
      'hubs.chat.streams.0.retention must be "chat", "news", got "chats"',
    ]);
    assert.deepEqual(hub({ streams }, []).problems, [
      'hubs.chat.streams.0.retention must be a class of "retention", where there is none yet, ' +
        'got "chats"',
    ]);
  });

  test('streams: everything else wrong is named', () => {
    const rules = ['every', 'group:', 'group:\\a', 'connection:x', 5].map((match) => ({
      match,
      retention: 'chat',
    }));
    const { problems } = hub({ streams: [...rules, { match: 'all' }, 7] });
    const accepted = '"all", "user:<pattern>" or "group:<pattern>"';
    assert.deepEqual(problems, [
      `hubs.chat.streams.0.match must be ${accepted}, got "every"`,
      `hubs.chat.streams.1.match must be ${accepted}, got "group:"`,
      `hubs.chat.streams.2.match must be ${accepted}, got "group:\\\\a"`,
      `hubs.chat.streams.3.match must be ${accepted}, got "connection:x"`,
      `hubs.chat.streams.4.match must be ${accepted}, got 5`,
      'hubs.chat.streams.5.retention must be "chat", "news", got nothing',
      'hubs.chat.streams.6 must be an object, got 7',
    ]);
    assert.equal(hub({ streams: {} }).problems.length, 1);
    const many = Array.from({ length: 101 }, () => ({ match: 'all', retention: 'chat' }));
    assert.equal(hub({ streams: many }).problems.length, 1);
  });

  test('slowConsumers: a key belongs to the policy latest', () => {
    const slowConsumers = [
      { match: 'group:a', policy: 'latest', key: 'symbol' },
      { match: 'group:b', policy: 'latest' },
      { match: 'user:*', policy: 'drop-oldest' },
    ];
    const { value, problems } = hub({ slowConsumers });
    assert.deepEqual(problems, []);
    assert.deepEqual(
      value['chat']?.slowConsumers.map(({ key }) => key),
      ['symbol', undefined, undefined],
    );
    assert.deepEqual(
      hub({ slowConsumers: [{ match: 'all', policy: 'disconnect', key: 'symbol' }] }).problems,
      [
        'hubs.chat.slowConsumers.0.key must be left out unless the policy is "latest", got "symbol"',
      ],
    );
  });

  test('slowConsumers: everything else wrong is named', () => {
    const slowConsumers = [
      { match: 'all', policy: 'drop' },
      { match: 'all', policy: 'latest', kye: 'x' },
      { match: 'all', policy: 'latest', key: '' },
    ];
    assert.deepEqual(hub({ slowConsumers }).problems, [
      'hubs.chat.slowConsumers.0.policy must be "disconnect", "drop-and-recover", "drop-oldest", ' +
        '"latest", got "drop"',
      'hubs.chat.slowConsumers.1.kye is not a setting; did you mean key?',
      'hubs.chat.slowConsumers.2.key must be the name of a metadata entry, got ""',
    ]);
  });
});
