// What pages do beyond links and forms.
import { startContent } from "./content.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";
import { startSlider } from "./slider.js";

startContent(document);
startKeys();
startLive();
startSlider();
