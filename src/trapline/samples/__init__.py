"""Sample logs of our own making: some thousand benign Windows events with one RemCom service install among them.

Everything is synthetic and made anew from a seed: no file of events is shipped. Host names are below corp.example
(RFC 2606), addresses are documentation ranges (RFC 5737).
"""
