// Why values of a PET image are not told as uptake: by the words of `imaging/uptake.py`.

import { _ } from "./text.js";

export const why = (missing) => ({
  corrections: _("no SUV: not corrected for attenuation and decay"),
  decay: _("no SUV: to when decay is corrected is not said"),
  drug: _("no SUV: the dose is not said"),
  dose: _("no SUV: the dose is not said"),
  "half-life": _("no SUV: the half-life is not said"),
  weight: _("no SUV: the body weight is not said"),
  injection: _("no SUV: the time of the injection is not said"),
  times: _("no SUV: the times do not fit each other"),
  unit: _("no SUV: the values are of another unit"),
  "other kind": _("SUV, but not by body weight"),
})[missing] ?? "";
