/**
 * What rules read from the tables of a fit of Gaussians to pictures, and of its evaluation: passes, and scores of pictures.
 *
 * @module
 */
import type { Row } from "../../runner/csv.ts";
import type { Evidence } from "../../runner/diagnosis.ts";

/** A fall of the picture, dB, that no addition is worth. */
export const MUCH_WORSE = 3;
/** What 8 bits tell of a picture, dB: beyond it there is nothing to win. */
export const PERFECT = 59;

/** One pass over one picture. */
export interface Pass {
  readonly image: string;
  readonly pass: number;
  /** Its row of passes.csv; undefined while it goes on, or when it failed. */
  readonly ended: Row | undefined;
  /** Its rows of training_metrics.csv. */
  readonly rows: readonly Row[];
}

/** Every pass in the order in which they were made. */
export function passesOf({ tables }: Evidence): Pass[] {
  const rows = Map.groupBy(tables("training_metrics"), nameOf), ended = Map.groupBy(tables("passes"), nameOf);
  return [...new Set([...rows.keys(), ...ended.keys()])].map((name) => {
    const [row] = ended.get(name) ?? [], any = row ?? rows.get(name)![0]!;
    return { image: String(any["image"]), pass: Number(any["pass"]), ended: row, rows: rows.get(name) ?? [] };
  });
}

/** Rows of one picture and one pass share this. */
function nameOf(row: Row): string {
  return `${row["image"]}/${row["pass"]}`;
}

/** The Gaussians that a pass began with anew, in words. */
export function changesOf(ended: Row): string {
  return `${ended["added"]} added, ${ended["split"]} split, ${ended["pruned"]} removed`;
}

/** How far the changes of a pass threw the picture back before its first step, dB; 0 when nothing is known. */
export function thrownBack(ended: Row | undefined): number {
  const fell = Number(ended?.["psnr_before"]) - Number(ended?.["psnr_start"]);
  return fell > 0 ? fell : 0;
}

/** What a picture scores, by the columns of evaluation_views.csv. */
export interface PictureScores {
  /** Its name, or how many they are means of. */
  readonly image: string;
  readonly scores: Readonly<Record<string, number>>;
}

/** Scores of every picture of an evaluation, or the means of a finished fit; none of other stages. */
export function pictureScores({ stage, metrics, tables }: Evidence): PictureScores[] {
  if (stage === "fit_gaussians" && metrics["psnr"] !== undefined) {
    const images = new Set(tables("passes").map((row) => row["image"]));
    return [{
      image: images.size === 1 ? String([...images][0]) : `The mean of ${images.size} pictures`,
      scores: metrics,
    }];
  }
  if (stage !== "evaluate_pictures") return [];
  return tables("evaluation_views").map((row) => ({
    image: String(row["view"]),
    scores: Object.fromEntries(
      Object.entries(row).filter((cell): cell is [string, number] => typeof cell[1] === "number"),
    ),
  }));
}
