#!/usr/bin/env node
// The executable of the package: runs what the build made.
import { existsSync } from 'node:fs';

const main = new URL('../dist/gateway/main.js', import.meta.url);
if (existsSync(main)) {
  await import(main.href);
} else {
  console.error('error: Trunkline is not built yet; run "npm run build" first');
  process.exitCode = 1;
}
