/**
 * What a teacher showed, as the trainer takes it.
 *
 * @module
 */
import type { View } from "../scenes/scene.ts";
import { readTeacherFile, readTeacherRgba, type Teacher } from "./teacher.ts";
import type { TrainingImages } from "./trainer_config.ts";
import { packViews } from "./training_images.ts";

/**
 * Reads and packs all views of a teacher.
 *
 * @throws {SceneError} When a file is missing or damaged.
 * @throws {RangeError} When a pixel is not a finite number.
 */
export async function packTeacher(
  teacher: Teacher<"colour"> | Teacher<"colour" | "depth">,
  withDepth: boolean,
): Promise<TrainingImages> {
  const views: View[] = [];
  for (const [index, view] of teacher.views.entries()) {
    const rgba = await readTeacherRgba(teacher, view);
    const depth = withDepth ? await readTeacherFile(teacher as Teacher<"colour" | "depth">, view, "depth") : undefined;
    views.push({ ...view, index, rgba, ...(depth ? { depth } : {}) });
  }
  return packViews(views, withDepth);
}
