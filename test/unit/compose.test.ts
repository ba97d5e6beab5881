/** docker-compose.yml: every profile is a complete cluster, as the compose command itself reads it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { projectRoot } from '../support/source-tree.ts';

const root = projectRoot();
const file = readFileSync(join(root, 'docker-compose.yml'), 'utf8');

/** `docker compose`, or the older program of its own; undefined where there is neither. */
const compose = [['docker', 'compose'], ['docker-compose']].find(([program = '', ...args]) => {
  // Without the plugin "docker compose --version" is the version of docker: ask another way.
  return spawnSync(program, [...args, 'version'], { stdio: 'ignore' }).status === 0;
});
const skip =
  compose === undefined
    ? 'neither "docker compose" nor docker-compose answers: install one to check the profiles'
    : false;

const profiles: Readonly<Record<string, readonly string[]>> = {
  redis: ['gateway-redis-1', 'gateway-redis-2', 'gateway-redis-3', 'nginx', 'redis'],
  nats: ['gateway-nats-1', 'gateway-nats-2', 'gateway-nats-3', 'nats', 'nginx'],
  azure: ['azure-hub', 'gateway-azure-1', 'gateway-azure-2', 'gateway-azure-3', 'nginx'],
  memory: ['gateway-memory', 'nginx'],
};

const folder = mkdtempSync(join(tmpdir(), 'trunkline-compose-'));
const noSettings = join(folder, 'env');
writeFileSync(noSettings, '');
after(() => rmSync(folder, { recursive: true }));

/** Runs compose without the settings of whoever runs the test: as in a fresh clone. */
function run(args: readonly string[]) {
  const [program = '', ...first] = compose ?? [];
  const kept = Object.entries(process.env).filter(([name]) => !/^(TRUNKLINE|COMPOSE)_/.test(name));
  const env = Object.fromEntries(kept);
  const all = [...first, '--env-file', noSettings, '-f', join(root, 'docker-compose.yml'), ...args];
  return spawnSync(program, all, { env, encoding: 'utf8' });
}

describe('compose', () => {
  for (const [profile, services] of Object.entries(profiles)) {
    test(`compose: profile ${profile} is clean and has its services`, { skip }, () => {
      const checked = run(['--profile', profile, 'config', '--quiet']);
      assert.equal(checked.status, 0, checked.stderr);
      assert.equal(checked.stderr, '');
      const listed = run(['--profile', profile, 'config', '--services']);
      // The older program lists the services of every profile.
      const names = listed.stdout.split('\n').filter((name) => name !== '');
      assert.deepEqual(
        services.filter((name) => !names.includes(name)),
        [],
      );
    });
  }

  test('compose: only nginx is reachable from outside', () => {
    const published = [...file.matchAll(/^ {4}ports:.*$/gm)];
    assert.equal(published.length, 1);
    assert.match(file, /^ {2}nginx:\n(?: {4}.*\n)* {4}ports:/m);
  });

  test('compose: every variable of the example file is used, and none holds a secret', () => {
    const lines = readFileSync(join(root, '.env.example'), 'utf8').split('\n');
    const settings = lines.filter((line) => /^[A-Z]/.test(line)).map((line) => line.split('='));
    for (const [name = '', value = ''] of settings) {
      if (name.endsWith('_KEY') || name.endsWith('_SECONDARY')) assert.equal(value, '', name);
      if (name !== 'COMPOSE_PROFILES') assert.ok(file.includes(`\${${name}`), name);
    }
    assert.ok(settings.length > 3);
  });
});
