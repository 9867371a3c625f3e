// Before the page is drawn: the theme that was chosen, and that scripts run at all.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var theme = localStorage.getItem("trapline-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch (error) {
    // a browser that keeps nothing for files: the system's theme stays
  }
})();
