/** Measures what the device takes for a stage: power, energy, memory as the driver counts it. */

import type { Environment, Meter, MeterReading } from "./environment.ts";
import { writeJson } from "./json.ts";
import type { StageResult } from "./result.ts";

/** The meter of a run, opened at the first stage that it measures. */
export class Metering {
  readonly #environment: Environment;
  #opened: Promise<void> | undefined;
  #meter: Meter | undefined;

  /**
   * Makes it.
   *
   * @param environment knows whether there is a meter
   */
  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** Does some work and says what the meter read meanwhile; nothing where there is none. */
  async measure<T>(work: () => Promise<T>): Promise<{ value: T; reading: MeterReading }> {
    await (this.#opened ??= this.#open());
    await this.#meter?.start();
    try {
      const value = await work();
      return { value, reading: await this.#meter?.stop() ?? {} };
    } catch (error) {
      await this.#meter?.stop();
      throw error;
    }
  }

  /** Ends what samples. */
  close(): void {
    this.#meter?.close();
  }

  async #open(): Promise<void> {
    this.#meter = await this.#environment.openMeter?.();
  }
}

/**
 * Adds what the meter read to a result. Energy and power are left out of a resumed stage: its earlier attempts were not metered
 * with it, or, after a lost device, were metered with work that was lost.
 */
export async function addReading(
  result: StageResult,
  { energyJoules, meanWatts, gpuDriverPeakBytes }: MeterReading,
  directory: string,
  resumed: boolean,
): Promise<StageResult> {
  const read = {
    ...(resumed || energyJoules === undefined ? {} : { energy_j: energyJoules }),
    ...(resumed || meanWatts === undefined ? {} : { power_w: meanWatts }),
    ...(gpuDriverPeakBytes === undefined ? {} : { gpu_driver_bytes: gpuDriverPeakBytes }),
  };
  if (Object.keys(read).length === 0) return result;
  const whole = { ...result, ...read };
  await writeJson(`${directory}/result.json`, whole);
  return whole;
}
