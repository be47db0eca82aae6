"""Prepared sentences for a patrol in many languages: data with a version, who vouches for it, and how it is spoken.

Nobody's translation is believed: a language stands under a mark until a translator has signed it (`signing`).
"""
