"""SPL and a time range in, rows out: the one path for the command line, hunts, the scheduler and the tests."""

from trapline.knowledge.macros import Macro as Macro
from trapline.search.session import Arrivals as Arrivals
from trapline.search.session import Query as Query
from trapline.search.session import Result as Result
from trapline.search.session import Session as Session
from trapline.search.session import as_macro as as_macro
from trapline.search.session import default_engine as default_engine
from trapline.search.session import search as search
