import { type FaultOptions, NO_FAULTS } from '../sim/options.ts';

/** Servers that end all the time: for what shows itself at a certain moment only. */
export const CRASHES: FaultOptions = {
  ...NO_FAULTS,
  killMs: 200,
  powerLossMs: 200,
  blackoutMs: 1_500,
  resetMs: 300,
};

/** Disks that fail, and then the power. */
export const DISK_ERRORS: FaultOptions = { ...NO_FAULTS, diskErrorMs: 100, blackoutMs: 700 };

/** Connections that break, servers that stand still and come back. */
export const PARTINGS: FaultOptions = {
  ...NO_FAULTS,
  killMs: 500,
  pauseMs: 300,
  partitionMs: 300,
  resetMs: 150,
  slowMs: 500,
};
