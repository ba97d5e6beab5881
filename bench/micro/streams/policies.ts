/** The slow-consumer policies that are compared. */
import type { SlowConsumerPolicy } from '../../../gateway/config.ts';

export const policies: readonly SlowConsumerPolicy[] = [
  'disconnect',
  'drop-and-recover',
  'drop-oldest',
  'latest',
];
