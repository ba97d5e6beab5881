/** The script of the SharedWorker. */
import { runtimeOf } from './environment.ts';
import { hostWorker, type WorkerScope } from './worker-host.ts';

const scope: object = globalThis;
// This module is run as a SharedWorker.
hostWorker(scope as WorkerScope, runtimeOf());
