/** Holds the log to its allow list, its redaction and its one line per entry. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createLogger, type Logger } from '../../../../gateway/telemetry/log.ts';

type Level = 'silent' | 'error' | 'warn' | 'info' | 'debug';

const secret = 'a"key\\with-special-characters-0123456789';

function start(
  format: 'text' | 'json',
  level: Level = 'debug',
): { readonly log: Logger; readonly lines: string[] } {
  const lines: string[] = [];
  const write = (line: string): void => {
    lines.push(line);
  };
  return { log: createLogger({ level, format, secrets: [secret], write }), lines };
}

function parseLine(line: string | undefined): Record<string, unknown> {
  return JSON.parse(line ?? '') as Record<string, unknown>;
}

describe('log', () => {
  test('createLogger: a JSON entry has level, time, message and the fields, nothing else', () => {
    const { log, lines } = start('json');
    log.child({ nodeId: 'n1' }).warn('Connection closed', { hub: 'chat', code: 1000 });
    const { time, ...entry } = parseLine(lines[0]);
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual(entry, {
      level: 'warn',
      message: 'Connection closed',
      nodeId: 'n1',
      hub: 'chat',
      code: 1000,
    });
    assert.ok(lines[0]?.endsWith('}\n'));
  });

  test('createLogger: what is not on the allow list is left out', () => {
    const { log, lines } = start('json');
    const fields = { hub: 'chat', token: 't0ken', headers: { cookie: 'c00kie' } };
    log.info('Request', fields);
    log.child(fields).info('Request');
    assert.equal(lines.length, 2);
    assert.doesNotMatch(lines.join(''), /t0ken|c00kie/);
  });

  test('createLogger: access keys and tokens are masked wherever they turn up', () => {
    const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm5hIn0.c2lnbmF0dXJl';
    for (const format of ['json', 'text'] as const) {
      const { log, lines } = start(format);
      log.error('Failed', { error: new Error(`key ${secret}`, { cause: new Error(jwt) }) });
      log.info('Upgrade', { reason: '/client/?access_token=s3cret-t0ken&hub=chat' });
      log.info('Backplane', { url: 'redis://user:pa55@host' });
      log.info('Client', { reason: `Endpoint=http://h;AccessKey=s3cret;Version=1.0;` });
      const text = lines.join('');
      assert.doesNotMatch(text, /special-characters|c2lnbmF0dXJl|s3cret|pa55/);
      assert.match(text, /key \*\*\*/);
      assert.match(text, /redis:\/\/\*\*\*@host/);
    }
  });

  test('createLogger: paths and URLs lose their query strings', () => {
    const { log, lines } = start('json');
    log.info('Request', { path: '/api?filter=private', url: 'http://h/x#private' });
    const { path, url } = parseLine(lines[0]);
    assert.deepEqual({ path, url }, { path: '/api', url: 'http://h/x' });
  });

  test('createLogger: an error is logged with its code and causes, without its other members', () => {
    const { log, lines } = start('json');
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED', options: 'h1dden' });
    log.error('Cannot publish', { error: new TypeError('no broker', { cause }) });
    const { error } = parseLine(lines[0]) as {
      error: { stack?: string; cause: { stack?: string } };
    };
    delete error.stack;
    delete error.cause.stack;
    assert.deepEqual(error, {
      type: 'TypeError',
      message: 'no broker',
      cause: { type: 'Error', code: 'ECONNREFUSED', message: 'refused' },
    });
  });

  test('createLogger: entries below the level are not written', () => {
    const { log, lines } = start('json', 'warn');
    log.info('no');
    log.debug('no');
    log.warn('yes');
    assert.equal(lines.length, 1);
    const silent = start('json', 'silent');
    silent.log.error('no');
    assert.deepEqual(silent.lines, []);
  });

  test('createLogger: text is the time, the level, the sentence, the fields and the errors', () => {
    const { log, lines } = start('text');
    log.info('Connection closed', { hub: 'chat', reason: 'going away', code: 1001 });
    log.error('Failed', { error: new Error('a', { cause: new Error('b') }) });
    const clock = /^\d\d:\d\d:\d\d\.\d{3} /;
    assert.deepEqual(
      lines.map((line) => line.replace(clock, '')),
      ['INFO  Connection closed hub=chat reason="going away" code=1001\n', 'ERROR Failed: a: b\n'],
    );
    assert.match(lines[0] ?? '', clock);
  });

  test('createLogger: a secret that begins within an escape does not break the log', () => {
    const lines: string[] = [];
    const write = (line: string): void => {
      lines.push(line);
    };
    const log = createLogger({ level: 'info', format: 'text', secrets: ['nkkkk'], write });
    log.info('\nkkkk');
    log.info('next');
    assert.equal(lines.length, 2);
    assert.doesNotMatch(lines.join(''), /kkkk/);
  });

  test('createLogger: an entry is one line and never throws, whatever the fields hold', () => {
    const fields = fc.dictionary(
      fc.constantFrom('hub', 'reason', 'error', 'code', 'token', '__proto__'),
      fc.anything(),
    );
    fc.assert(
      fc.property(
        fc.constantFrom('json', 'text'),
        fields,
        fc.string(),
        (format, given, message) => {
          const { log, lines } = start(format);
          log.error(message, given);
          assert.equal(lines.length, 1);
          assert.equal(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
        },
      ),
      { examples: [['json', { hub: { toString: 0 } }, '']] },
    );
  });
});
