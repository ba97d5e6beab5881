/** The executable: joins the command line to this process. Nobody imports this file. */
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Host } from './cli/host.ts';
import { runProgram } from './cli/program.ts';

const host: Host = {
  env: process.env,
  readFile: (path) => readFileSync(path),
  readStdin: () => buffer(process.stdin),
  print: (text) => {
    process.stdout.write(text);
  },
  printError: (text) => {
    process.stderr.write(text);
  },
  onSignal,
  onCrash,
  exit: (code) => process.exit(code),
  startGateway: async (config, options) => {
    // Other commands need no native code, nor does the parent of workers: it is loaded late.
    if (config.workers > 1) {
      const { startWorkers } = await import('./workers/supervisor.ts');
      return startWorkers(config, options);
    }
    const { startGateway } = await import('./gateway.ts');
    return startGateway(config, options);
  },
};

// A reader that went away (`| head`, a log collector) must not stop a gateway, and where it cannot
// be told, nothing else can.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

const code = await runProgram(process.argv.slice(2), readVersion(), host);
// What is written is flushed first; what still holds the event loop must not hold the process.
process.stdout.write('', () => process.stderr.write('', () => process.exit(code)));

function onSignal(listener: (signal: string) => void): () => void {
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return () => {
    process.off('SIGINT', listener);
    process.off('SIGTERM', listener);
  };
}

function onCrash(listener: (error: unknown) => void): () => void {
  process.on('uncaughtException', listener);
  process.on('unhandledRejection', listener);
  return () => {
    process.off('uncaughtException', listener);
    process.off('unhandledRejection', listener);
  };
}

function readVersion(): string {
  // Two folders up from dist/gateway, where this file runs.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return String((JSON.parse(text) as { version?: unknown }).version);
}
