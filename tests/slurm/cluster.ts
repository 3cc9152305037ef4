/** A three-node Slurm cluster on this machine, for tests: `cluster.sh` as functions. */

import { fileURLToPath } from "node:url";
import { childEnvironment } from "../../runner/process.ts";

const script = fileURLToPath(new URL("./cluster.sh", import.meta.url));

/** Settings of a cluster, read when it is first started. */
export interface ClusterSettings {
  /** CPUs of a node. */
  readonly cpus?: number;
  /** Seconds after which a silent node is down. */
  readonly timeout?: number;
  /** Largest number of tasks in an array. */
  readonly maxArray?: number;
}

/** Nodes of the cluster. */
export type ClusterNode = "n1" | "n2" | "n3";

/** A cluster that runs. */
export class Cluster {
  /** Its folder. */
  readonly work: string;

  private constructor(work: string) {
    this.work = work;
  }

  /** Variables that lead Slurm's commands to it. */
  get environment(): Record<string, string> {
    return { SLURM_CONF: `${this.work}/slurm.conf` };
  }

  /**
   * Starts one. It ends with this process, if not before.
   *
   * @param work its folder, absolute, at most 60 characters
   * @returns the cluster, or a sentence that says why there can be none on this machine
   */
  static async start(work: string, { cpus, timeout, maxArray }: ClusterSettings = {}): Promise<Cluster | string> {
    const settings = {
      SLURM_TEST_CPUS: cpus,
      SLURM_TEST_TIMEOUT: timeout,
      SLURM_TEST_MAX_ARRAY: maxArray,
      SLURM_TEST_OWNER: Deno.pid,
    };
    const env = Object.fromEntries(
      Object.entries(settings).flatMap(([name, value]) => value === undefined ? [] : [[name, String(value)]]),
    );
    const { code, text } = await call(["start", work], env);
    if (code === 3) return text;
    const cluster = new Cluster(work);
    if (code === 0) return cluster;
    await cluster.stop();
    throw new Error(`The cluster in ${work} did not start: ${text}`);
  }

  /** Ends every daemon and task. */
  async stop(): Promise<void> {
    await this.#do("stop");
  }

  /** SIGKILL for a node and all that runs on it. */
  async killNode(node: ClusterNode): Promise<void> {
    await this.#do("kill-node", node);
  }

  /** Starts a node again. */
  async startNode(node: ClusterNode): Promise<void> {
    await this.#do("start-node", node);
  }

  /** SIGKILL for the controller, which is started again. */
  async restartController(): Promise<void> {
    await this.#do("restart-controller");
  }

  /** What an administrator does after a crash: nodes tell anew what runs there, and drained ones come back. */
  async resume(): Promise<void> {
    await this.#do("resume");
  }

  /** Daemons, nodes and queue, for people. */
  async status(): Promise<string> {
    return await this.#do("status");
  }

  async #do(command: string, ...more: string[]): Promise<string> {
    const { code, text } = await call([command, this.work, ...more]);
    if (code !== 0) throw new Error(`cluster.sh ${command} failed: ${text}`);
    return text;
  }
}

async function call(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<{ code: number; text: string }> {
  const output = await new Deno.Command("bash", {
    args: [script, ...args],
    clearEnv: true,
    env: { ...childEnvironment(), ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code: output.code, text: (text.decode(output.stdout) + text.decode(output.stderr)).trim() };
}
