/** Starts child processes for the scripts: output passed on, signals forwarded, exit code kept. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/**
 * Runs a program in the project's folder. Resolves with its exit code, 128 + the signal's number
 * where a signal ended it (as shells say it), or 127 where it cannot be started.
 */
export function run(program, args, { env = process.env, stdio = 'inherit', timeoutMs } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio, timeout: timeoutMs });
    const onSignal = (signal) => {
      // A terminal has sent Ctrl-C to the child too; twice would mean "at once" to it.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    // With a handler in place the parent outlives the signal and can hand on the child's exit code.
    for (const signal of forwarded) process.on(signal, onSignal);
    const finish = (code) => {
      for (const signal of forwarded) process.off(signal, onSignal);
      resolve(code);
    };
    child.once('error', () => finish(127));
    child.once('exit', (code, signal) => finish(code ?? 128 + (signalNumbers[signal] ?? 0)));
  });
}

/** Runs a JavaScript file with the Node.js that runs this one. */
export function runNode(args, options) {
  return run(process.execPath, args, options);
}

/** Runs the npm that started this script, else the one beside this Node.js, else the one in PATH. */
export function runNpm(args, options) {
  const beside = join(dirname(process.execPath), '..', 'lib/node_modules/npm/bin/npm-cli.js');
  const file = [process.env.npm_execpath, beside].find(
    (path) => path !== undefined && path.endsWith('npm-cli.js') && existsSync(path),
  );
  if (file !== undefined) return runNode([file, ...args], options);
  return process.platform === 'win32'
    ? run('cmd.exe', ['/d', '/s', '/c', 'npm', ...args], options)
    : run('npm', args, options);
}
